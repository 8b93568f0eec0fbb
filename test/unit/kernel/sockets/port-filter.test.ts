import { expect, it } from 'vitest';
import { portFilter } from '../../../../src/kernel/sockets/port-filter.ts';
import { parsePort } from '../../../../src/model/port.ts';

it('compares with both ends and leaves the program by 4 bytes to refuse', () => {
  const program = portFilter({ first: parsePort(8080), last: parsePort(8081) });
  expect(program).toEqual(Buffer.from([2, 8, 20, 0, 0, 0, 0x90, 0x1f, 3, 8, 12, 0, 0, 0, 0x91, 0x1f]));
});
