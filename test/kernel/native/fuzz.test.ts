import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

import { usePrivateNamespaces } from './namespaces.ts';

const namespaces = usePrivateNamespaces();
const addon = join(import.meta.dirname, '../../../native/build/Release/tsnet.node');
const rounds = 10_000;

it.each([1, 2])('survives 10,000 odd calls (seed %d)', async (seed) => {
  const script = join(import.meta.dirname, 'fuzz.child.mjs');
  const command = [
    process.execPath,
    '--expose-gc',
    script,
    addon,
    namespaces.path('.'),
    String(seed),
    String(rounds),
  ];
  // A crash is a rejection with the signal.
  const { stdout, stderr } = await promisify(execFile)('unshare', ['--net', ...command], { timeout: 50_000 });
  expect(stderr).toBe('');
  const outcomes = JSON.parse(stdout) as Record<string, number>;
  // The calls got far enough to mean something.
  expect(outcomes).toMatchObject({
    'openSocket: value': expect.any(Number),
    'exchange: resolved': expect.any(Number),
    'exchange: ETIMEDOUT': expect.any(Number),
    'exchange: ECANCELED': expect.any(Number),
    'listen: value': expect.any(Number),
    'listenInBatches: EOPNOTSUPP': expect.any(Number),
    'option: value': expect.any(Number),
    'askNamespaces: resolved': expect.any(Number),
    'openDescriptor: value': expect.any(Number),
    'createNetns: value': expect.any(Number),
    'foreign this: TypeError': expect.any(Number),
    'constructor: TypeError': expect.any(Number),
  });
});
