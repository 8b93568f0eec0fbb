import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { optionalFields } from '../../../../src/inspect/views/optional-fields.ts';

it('lists every field that an answer may leave out, so that templates find it empty', () => {
  const folder = join(import.meta.dirname, '../../../../src/inspect/views');
  const written = readdirSync(folder).flatMap((file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    return [...text.matchAll(/readonly (\w+)\?:/g)].map(([, name = '']) => name);
  });
  expect(written.length).toBeGreaterThan(20);
  expect([...new Set(written)].filter((name) => !optionalFields.has(name))).toEqual([]);
});
