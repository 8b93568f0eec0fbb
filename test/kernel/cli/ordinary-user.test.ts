import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDaemon } from '../../support/daemon.ts';
import { createNetns } from '../../support/netns.ts';

const program = join(import.meta.dirname, '../../../dist/tsnet');

function call(asUser: boolean, folder: string, args: readonly string[]): Promise<[number, string]> {
  const user = asUser ? ['--reuid=65534', '--regid=65534', '--clear-groups'] : ['--reuid=0'];
  const places = ['--state-dir', join(folder, 'state'), '--run-dir', join(folder, 'run')];
  return new Promise((resolve) => {
    const child = execFile('setpriv', [...user, program, ...places, ...args], (_, stdout, stderr) => {
      resolve([child.exitCode ?? -1, stdout + stderr]);
    });
  });
}

describe('an ordinary user', () => {
  const folder = mkdtempSync('/dev/shm/tsnet-user-');

  beforeAll(async () => {
    await using netns = await createNetns();
    chmodSync(folder, 0o755);
    const places = ['--state-dir', join(folder, 'state'), '--run-dir', join(folder, 'run')];
    const child = spawn('nsenter', [`--net=${netns.path}`, program, ...places, 'network', 'create', 'blue']);
    await once(child, 'exit');
    expect(child.exitCode).toBe(0);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ['network', 'ls'],
    ['network', 'inspect', 'blue'],
    ['endpoint', 'ls'],
    ['ps'],
    ['port'],
    ['state', 'dump'],
    ['logs', 'web'],
    ['reconcile'],
    ['gc'],
  ])('is told that %s %s is denied', async (...args) => {
    const [code, text] = await call(true, folder, args);
    expect(text).toMatch(/hint: /);
    expect(text).not.toMatch(/^ {4}at /m);
    expect(code).toBe(77);
  });

  it('is not told that nothing is wrong', async () => {
    const [code, text] = await call(true, folder, ['doctor']);
    expect(text).not.toContain('nothing is wrong');
    expect(text).toContain('not read: records of tsnet');
    expect(text).not.toMatch(/^ {4}at /m);
    expect([1, 77]).toContain(code);
  });

  it('is told the same when a folder above can not be read', async () => {
    const above = mkdtempSync('/dev/shm/tsnet-above-');
    try {
      expect(await call(true, join(above, 'deep'), ['network', 'ls'])).toEqual([
        77,
        expect.stringContaining('hint: '),
      ]);
    } finally {
      rmSync(above, { recursive: true });
    }
  });
});

describe('folders', () => {
  it('of others are refused, and the mode is told', async () => {
    const folder = mkdtempSync('/dev/shm/tsnet-open-');
    try {
      mkdirSync(join(folder, 'run'));
      chmodSync(join(folder, 'run'), 0o777);
      const [code, text] = await call(false, folder, ['reconcile']);
      expect(text).toContain('has mode 0777');
      expect(code).toBe(77);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a stopped daemon', () => {
  it('keeps its socket though its backlog is full', async () => {
    await using netns = await createNetns();
    await using daemon = createDaemon(netns);
    await daemon.start();
    const before = lstatSync(daemon.socket).ino;
    const waiting: Socket[] = [];
    const { pid } = daemon;
    process.kill(pid, 'SIGSTOP');
    try {
      for (let count = 0; count < 600; count += 1) {
        waiting.push(connect(daemon.socket).on('error', () => undefined));
      }
      await setTimeout(200);
      const other = mkdtempSync('/dev/shm/tsnet-other-');
      const places = ['--state-dir', join(other, 'state'), '--run-dir', join(other, 'run')];
      const flags = [`--net=${netns.path}`, program, ...places, 'serve', '--socket', daemon.socket];
      const second = spawn('nsenter', flags, { timeout: 20_000 });
      let log = '';
      second.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
      await once(second, 'close');
      rmSync(other, { recursive: true, force: true });
      expect(log).toContain('another process has it');
      expect(second.exitCode).toBe(4);
      expect(lstatSync(daemon.socket).ino).toBe(before);
    } finally {
      for (const socket of waiting) socket.destroy();
      process.kill(pid, 'SIGCONT');
    }
  });
});
