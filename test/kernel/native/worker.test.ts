import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

import { usePrivateNamespaces } from './namespaces.ts';

const namespaces = usePrivateNamespaces();
const run = promisify(execFile);
const addon = join(import.meta.dirname, '../../../native/build/Release/tsnet.node');

it('lets 50 workers end at any moment', async () => {
  const script = join(import.meta.dirname, 'worker.child.mjs');
  const { stdout, stderr } = await run(process.execPath, [script, addon, namespaces.create('blue'), '50'], {
    timeout: 50_000,
  });
  expect(stderr).toBe('');
  const { before, after, codes } = JSON.parse(stdout) as Record<string, number[]>;
  expect(after).toEqual(before);
  expect(codes).toHaveLength(50);
  expect(new Set(codes)).toEqual(new Set([0, 1, 7]));
});

/** Runs a script that has `socket` and `exchange(flags)`; gives its output and how long it lived after 'ready'. */
async function runScript(script: string): Promise<string> {
  const prelude = `
    const { openSocket, flock } = require(${JSON.stringify(addon)});
    const socket = openSocket({ domain: 16, type: 3, protocol: 0, netns: ${JSON.stringify(namespaces.create('blue'))} });
    const request = Buffer.from('20000000120005000100000000000000'.padEnd(64, '0'), 'hex');
    request.writeInt32LE(1, 20);
    const exchange = (flags, timeoutMs = 60_000) => {
      request.writeUInt16LE(flags, 6);
      return socket.exchange(request, { lastSequence: 1, until: 'last', timeoutMs });
    };`;
  const { stdout, stderr } = await run(process.execPath, ['-e', `${prelude}\n${script}`], { timeout: 5_000 });
  expect(stderr).toBe('');
  return stdout;
}

it('does not keep the process alive for an idle socket', async () => {
  expect(await runScript(`exchange(5).then((answer) => console.log(answer.length > 32))`)).toBe('true\n');
});

it('keeps the process alive for a pending exchange', async () => {
  expect(await runScript(`exchange(1, 100).catch((error) => console.log(error.code))`)).toBe('ETIMEDOUT\n');
});

it('keeps the process alive for a listener, until it is closed', async () => {
  const script = `
    socket.listen([1], () => {}, () => {});
    setTimeout(() => console.log('timer'), 50).unref();
    setTimeout(() => socket.close(), 100).unref();`;
  expect(await runScript(script)).toBe('timer\n');
});

it('ends at process.exit with everything under way', async () => {
  const script = `
    socket.listen([1], () => {}, () => {});
    exchange(1).catch(() => {});
    setTimeout(() => process.exit(0), 20);
    console.log('ready');`;
  expect(await runScript(script)).toBe('ready\n');
});

it('closes sockets that are garbage', async () => {
  const script = `
    const { readdirSync } = require('node:fs');
    const count = () => readdirSync('/proc/self/fd').length;
    require('node:v8').setFlagsFromString('--expose-gc');
    const collect = require('node:vm').runInNewContext('gc');
    const before = count();
    (async () => {
      for (let round = 0; round < 100; round++) openSocket({ domain: 16, type: 3, protocol: 0 });
      for (let turn = 0; turn < 50 && count() > before; turn++) {
        collect();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      console.log(count() - before);
    })();`;
  expect(await runScript(script)).toBe('0\n');
});
