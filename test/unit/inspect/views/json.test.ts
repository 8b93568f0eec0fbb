import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const inspect = join(import.meta.dirname, '../../../../src/inspect');

it('json.md names every field of every answer', () => {
  const documented = new Set(
    [...readFileSync(join(inspect, 'json.md'), 'utf8').matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
  );
  const written = readdirSync(join(inspect, 'views')).flatMap((file) => {
    const text = readFileSync(join(inspect, 'views', file), 'utf8');
    return [...text.matchAll(/readonly (\w+)\??:/g)].map(([, name = '']) => name);
  });
  expect(written.length).toBeGreaterThan(100);
  expect([...new Set(written)].filter((name) => !documented.has(name))).toEqual([]);
});
