import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const project = resolve(import.meta.dirname, '../..');

/** The last column of a row: a file, and the title of a test in it as its source has it. */
const row = /^\| (?:can|cannot) \| .* \| `(test\/[^`]+\.test\.ts)`: (.+) \|$/;

const lines = readFileSync(join(project, 'docs/security.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| \w/.test(line));

describe('docs/security.md', () => {
  it.each(lines)('has a test: %s', (line) => {
    const [, file = '', name = ''] = row.exec(line) ?? [];
    expect(existsSync(join(project, file)) && file !== '', `${line} names no test file`).toBe(true);
    expect(readFileSync(join(project, file), 'utf8')).toContain(name);
  });

  it('has lines', () => {
    expect(lines.length).toBeGreaterThan(20);
  });
});
