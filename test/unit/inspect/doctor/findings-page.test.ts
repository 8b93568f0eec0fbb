import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const source = resolve(import.meta.dirname, '../../../../src');

/** Codes that the source makes findings with: the first word of `found(…)`, or the value of `code`. */
function codesInSource(): string[] {
  const folders = ['inspect/port', 'inspect/doctor', 'frontends/cli/commands'];
  const files = folders.flatMap((folder) =>
    readdirSync(join(source, folder))
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(source, folder, file)),
  );
  const words = files.flatMap((file) => [
    ...readFileSync(file, 'utf8').matchAll(/'((?:[a-z]+)\.(?:[a-z]+(?:-[a-z0-9]+)*))'/g),
  ]);
  return words.map(([, code = '']) => code);
}

it('every code of a finding stands in findings.md, and no other', () => {
  const page = readFileSync(join(source, 'inspect/findings.md'), 'utf8');
  const listed = [...page.matchAll(/^\| `([a-z.-]+)`/gm)].map(([, code = '']) => code);
  expect(listed.toSorted()).toEqual([...new Set(codesInSource())].toSorted());
  expect(new Set(listed).size).toBe(listed.length);
});
