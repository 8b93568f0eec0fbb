import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exitCodes } from '../../../../src/frontends/cli/exit-codes.ts';

const readme = readFileSync(join(import.meta.dirname, '../../../../README.md'), 'utf8');

it('the README lists every kind of error with its exit code, and no other', () => {
  const section = readme.slice(
    readme.indexOf('Exit codes of the command line'),
    readme.indexOf('## What works where'),
  );
  const listed = [...section.matchAll(/\| ([a-z-]+) \| (\d+) (?=\|)/g)].map(([, kind, code]) => [
    kind,
    Number(code),
  ]);
  expect(Object.fromEntries(listed)).toEqual(exitCodes);
});
