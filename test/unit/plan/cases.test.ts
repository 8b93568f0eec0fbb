import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/model/index.ts';
import { desired, diff, formatChange, type Intent } from '../../../src/plan/index.ts';

// A case is a folder: what was decided before and after, what the kernel holds, and the changes that must follow, one
// line each. `observed.json` may be the word "before" or "after" for a kernel that holds exactly that.
const cases = join(import.meta.dirname, 'cases');

describe('diff', () => {
  it.each(readdirSync(cases))('%s', (name) => {
    const read = (file: string) => JSON.parse(readFileSync(join(cases, name, file), 'utf8')) as unknown;
    const before = desired(read('before.json') as Intent);
    const after = desired(read('after.json') as Intent);
    const word = read('observed.json');
    const observed = word === 'before' ? before : word === 'after' ? after : (word as Resource[]);
    const changes = diff(before, after, observed).map(formatChange);
    expect(`${changes.join('\n')}\n`).toBe(readFileSync(join(cases, name, 'changes.txt'), 'utf8'));
  });

  it.each(readdirSync(cases))('%s: nothing is left to do once it is done', (name) => {
    const after = desired(JSON.parse(readFileSync(join(cases, name, 'after.json'), 'utf8')) as Intent);
    expect(diff(after, after, after)).toEqual([]);
  });
});
