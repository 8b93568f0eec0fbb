import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCni } from '../../../../src/frontends/cni/index.ts';

it('the C program answers VERSION as the front end would', async () => {
  const header = readFileSync(join(import.meta.dirname, '../../../../native/cni/versions.h'), 'utf8');
  const texts = [...header.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text);
  const answer = texts
    .join('')
    .replaceAll(String.raw`\"`, '"')
    .replaceAll(String.raw`\n`, '\n');
  const { stdout } = await runCni(() => Promise.reject(new Error('not needed')), {
    env: { CNI_COMMAND: 'VERSION' },
    stdin: '',
  });
  expect(answer).toBe(stdout);
});
