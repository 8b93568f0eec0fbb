import { expect, it } from 'vitest';
import { errorReply } from '../../../../src/frontends/docker/reply.ts';
import { TsnetError } from '../../../../src/model/index.ts';

it('says the error in both fields that engines read, in one line, with the hint', () => {
  const error = new TsnetError('conflict', 'port 80 is\nin use\u001b[31m', { hint: 'choose another' });
  const message = 'port 80 is in use [31m (choose another)';
  expect(errorReply(error)).toEqual({ Err: message, Error: message });
});

it('is never long', () => {
  expect(errorReply(new TsnetError('bug', 'x'.repeat(5000))).Err).toHaveLength(1000);
});
