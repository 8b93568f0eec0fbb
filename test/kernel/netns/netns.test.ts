import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import {
  createNamedNetns,
  deleteNamedNetns,
  listNamedNetns,
  netnsIdOf,
} from '../../../src/kernel/netns/index.ts';

const run = promisify(execFile);

it('makes, names and deletes namespaces as ip netns does', async () => {
  const name = `tsnet-test-named-${process.pid}`;
  const path = createNamedNetns(name);
  try {
    expect((await run('ip', ['netns', 'list'])).stdout).toContain(name);
    expect(listNamedNetns()).toContain(name);
    const { stdout } = await run('nsenter', [
      `--net=${path}`,
      'stat',
      '-L',
      '-c',
      '%d:%i',
      '/proc/self/ns/net',
    ]);
    expect(netnsIdOf(path)).toBe(stdout.trim());
    expect(netnsIdOf(path)).not.toBe(netnsIdOf());
    expect(() => createNamedNetns(name)).toThrow(expect.objectContaining({ kind: 'conflict' }));
  } finally {
    expect(deleteNamedNetns(name)).toBe(true);
  }
  expect(deleteNamedNetns(name)).toBe(false);
  expect(listNamedNetns()).not.toContain(name);
  expect(() => netnsIdOf(path)).toThrow(expect.objectContaining({ kind: 'not-found' }));
});

it('takes no name that leads elsewhere', () => {
  for (const name of ['../x', '..', '', 'a/b']) {
    expect(() => createNamedNetns(name)).toThrow(expect.objectContaining({ kind: 'invalid-input' }));
  }
});
