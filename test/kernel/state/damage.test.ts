import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSandboxHost, type SandboxHost } from '../run/sandbox-host.ts';

// Two sandboxes that run while the files of the records are damaged: they go on, and nobody is told that all is well.

let host: SandboxHost;
let runDirectory: string;
let daemon: ChildProcess | undefined;

/** Starts the daemon and waits until it answers. */
async function startDaemon(): Promise<{
  readonly ask: () => Promise<string>;
  readonly stop: () => Promise<unknown>;
}> {
  const socket = join(host.folder, 'daemon.sock');
  const child = host.start(['serve', '--socket', socket], 'ignore');
  daemon = child;
  const ended = once(child, 'exit');
  const url = 'http://d/NetworkDriver.GetCapabilities';
  const ask = () => host.exec('curl', '-s', '--unix-socket', socket, '-X', 'POST', url);
  await expect.poll(() => ask().catch(() => ''), { timeout: 15_000 }).not.toBe('');
  const stop = async () => {
    child.kill('SIGTERM');
    return ended;
  };
  return { ask, stop };
}

// A host for each: what one damage leaves is no beginning for the next.
beforeEach(async () => {
  runDirectory = mkdtempSync('/dev/shm/tsnet-state-');
  host = await createSandboxHost({ TSNET_RUN_DIR: runDirectory });
  await host.succeed('network', 'create', 'lab', '--subnet', '10.9.0.0/24');
  const server = ['python3', '-m', 'http.server', '8000'];
  await host.succeed('run', '-d', '--name', 'web', '--network', 'lab', '-p', '8080:8000', '--', ...server);
  await host.succeed('run', '-d', '--name', 'box', '--network', 'lab', '--', 'sleep', '600');
  await expect.poll(() => witnesses(), { timeout: 10_000 }).toEqual([0, 0]);
});
afterEach(async () => {
  daemon?.kill('SIGKILL');
  await host[Symbol.asyncDispose]();
  rmSync(runDirectory, { recursive: true, force: true });
});

const disk = () => join(host.folder, 'state', 'data.mdb');
const copy = () => join(host.folder, 'state', 'records.copy');
const working = () => {
  const [name = ''] = readdirSync(runDirectory).filter((one) => one.startsWith('state-'));
  return join(runDirectory, name, 'data.mdb');
};

/** How curl ends that asks through the published port, and from the other sandbox. */
async function witnesses(): Promise<number[]> {
  const ask = (url: string, ...words: string[]) =>
    host.exec(...(words as [string]), 'curl', '-s', '-o', '/dev/null', '-m', '2', '--noproxy', '*', url);
  const codes = [
    ask(`http://${host.address}:8080/`, 'env'),
    ask('http://10.9.0.2:8000/', host.program, 'exec', 'box', '--'),
  ].map((asking) => asking.then(() => 0).catch((error: unknown) => error));
  return (await Promise.all(codes)) as number[];
}

const damages: readonly (readonly [string, (path: string) => void])[] = [
  ['deleted', (path) => rmSync(path)],
  ['emptied', (path) => truncateSync(path, 0)],
  ['cut off', (path) => truncateSync(path, 5000)],
  ['filled with other bytes', (path) => writeFileSync(path, Buffer.alloc(40_000, 0xa5))],
];

/** No signal, no defect, no stack. */
function expectTold({ code, stderr }: { readonly code: number; readonly stderr: string }): void {
  expect([0, 1, 69]).toContain(code);
  expect(stderr).not.toMatch(/SyntaxError|\n\s+at /);
  if (code === 69) expect(stderr).toContain('data.mdb');
}

describe.each(damages)('the file on the disk, %s,', (_, damage) => {
  it('is restored from the records of this boot by the next who writes, and nobody is cut off', async () => {
    damage(disk());
    const listed = await host.tsnet('network', 'ls');
    expectTold(listed);
    if (listed.code === 0) expect(listed.stdout).toContain('lab');
    const examined = await host.tsnet('doctor');
    expect(examined.code).toBe(1);
    expect(examined.stdout).toContain('tsnet state restore');
    expect(examined.stdout).not.toMatch(/nothing found in:.*records of tsnet/s);
    expect((await host.tsnet('state', 'check')).code).toBe(1);
    expect((await host.tsnet('network', 'create', 'more')).stderr).toContain('was restored');
    expect((await host.tsnet('state', 'check')).code).toBe(0);
    await host.succeed('reconcile');
    expect(await host.succeed('network', 'ls')).toMatch(/lab[^]*more|more[^]*lab/);
    expect(await host.succeed('endpoint', 'ls')).toContain('10.9.0.2');
    expect(await witnesses()).toEqual([0, 0]);
  });

  it('is restored under a daemon that runs', async () => {
    const { stop } = await startDaemon();
    damage(disk());
    expectTold(await host.tsnet('network', 'create', 'more'));
    await sleep(500);
    expect(await host.succeed('network', 'ls')).toMatch(/lab[^]*more|more[^]*lab/);
    expect(await witnesses()).toEqual([0, 0]);
    expect(await stop()).toEqual([0, null]);
    expect(await witnesses()).toEqual([0, 0]);
  });
});

/** Readers that leave out what is not recorded any more. */
const readers = [['network', 'ls'], ['ps'], ['endpoint', 'ls'], ['port'], ['state', 'dump']];

async function expectReadersToRefuse(hint: string): Promise<void> {
  for (const words of readers) {
    const { code, stdout, stderr } = await host.tsnet(...words);
    expect({ words, code, stdout }).toEqual({ words, code: 69, stdout: '' });
    expect(stderr).toContain(hint);
  }
}

it.each(damages)(
  'the records of this boot, %s, are made anew from what the kernel tells',
  async (_, damage) => {
    damage(working());
    await expectReadersToRefuse('data.mdb');
    await host.succeed('reconcile');
    expect(await host.succeed('endpoint', 'ls')).toContain('10.9.0.2');
    expect(await host.succeed('ps')).toMatch(/web.*running[^]*|box.*running/);
    expect(await witnesses()).toEqual([0, 0]);
    // What they have is not given out twice.
    const taken = await host.tsnet('run', '--rm', '--network', 'lab', '-p', '8080:80', '--', 'true');
    expect(taken.code).toBe(125);
    const third = await host.succeed('run', '--rm', '--network', 'lab', '--', 'ip', '-4', 'address');
    expect(third).toContain('10.9.0.');
    expect(third).not.toMatch(/10\.9\.0\.[23]\//);
    // They can be ended and removed, and then their network.
    await host.succeed('rm', '-f', 'web', 'box');
    await host.succeed('network', 'rm', 'lab');
    expect(await host.leftovers()).toEqual([]);
  },
  60_000,
);

it('with everything gone but the copy, the networks are known again and nobody is cut off', async () => {
  rmSync(disk());
  rmSync(runDirectory, { recursive: true });
  await expectReadersToRefuse('data.mdb');
  await host.succeed('reconcile');
  expect(await host.succeed('network', 'ls')).toContain('lab');
  expect(await host.succeed('endpoint', 'ls')).toContain('10.9.0.2');
  // The copy has no sandboxes, so that none can be entered to ask.
  expect((await witnesses())[0]).toBe(0);
});

it('with everything gone, what is in the kernel is left alone, and doctor says so', async () => {
  for (const file of [disk(), copy()]) rmSync(file);
  rmSync(runDirectory, { recursive: true });
  await expectReadersToRefuse('reconcile');
  await host.succeed('reconcile');
  await host.succeed('network', 'create', 'more');
  expect((await witnesses())[0]).toBe(0);
  expect((await host.tsnet('doctor')).stdout).toContain('records were lost');
  expect((await host.tsnet('network', 'ls')).stderr).toContain('records of this boot were lost');
});

it('a daemon that starts with damaged records stays up, says why, and works when they are restored', async () => {
  rmSync(runDirectory, { recursive: true });
  truncateSync(disk(), 5000);
  const { ask, stop } = await startDaemon();
  expect(await ask()).toMatch(/data\.mdb is damaged.*tsnet state restore/);
  expect(await host.succeed('state', 'restore')).toContain('restored from');
  expect(await ask()).toContain('can be used again');
  await expect.poll(ask, { timeout: 10_000 }).toContain('Scope');
  expect(await host.succeed('network', 'ls')).toContain('lab');
  expect((await witnesses())[0]).toBe(0);
  expect(await stop()).toEqual([0, null]);
});
