import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeInheritedSocket } from '../../../src/frontends/docker/inherited-socket.ts';
import { run, until } from '../../support/engine-run.ts';
import { createNetns, type Netns } from '../../support/netns.ts';

const program = join(import.meta.dirname, '../../../dist/tsnet');
let netns: Netns;
let folder: string;
let socket: string;
let child: ChildProcess | undefined;
let said: string;

beforeEach(async () => {
  netns = await createNetns('activation');
  folder = mkdtempSync(join(tmpdir(), 'tsnet-activation-'));
  socket = join(folder, 'given.sock');
  said = '';
});
afterEach(async () => {
  await end('SIGKILL');
  await netns[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Starts systemd's own tool, which listens and becomes the program when somebody calls. */
async function activate(...flags: string[]): Promise<void> {
  const places = [`--state-dir=${join(folder, 'state')}`, `--run-dir=${join(folder, 'run')}`];
  const serve = [program, ...places, 'serve', '--socket', join(folder, 'own.sock')];
  const tool = [`--net=${netns.path}`, 'systemd-socket-activate', '-l', socket, ...flags, ...serve];
  child = spawn('nsenter', tool, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  await until('somebody listens', () => existsSync(socket));
}

async function end(signal: NodeJS.Signals): Promise<number | undefined> {
  if (child === undefined) return undefined;
  const ended = child;
  child = undefined;
  if (ended.exitCode === null && ended.signalCode === null) {
    const exit = once(ended, 'exit');
    ended.kill(signal);
    await exit;
  }
  return ended.exitCode ?? undefined;
}

const ask = (path: string) =>
  run('curl', ['-sS', '-m', '20', '-X', 'POST', '--unix-socket', path, 'http://tsnet/Plugin.Activate']);

describe('a socket that somebody else opened', () => {
  it('is answered instead of an own one, and is left when the daemon ends', async () => {
    await activate();
    const { ino } = statSync(socket);
    expect(await ask(socket)).toContain('NetworkDriver');
    expect(said).toContain('"socket":"inherited"');
    expect(existsSync(join(folder, 'own.sock'))).toBe(false);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(socket)));
    expect(new Set(answers).size).toBe(1);
    expect(await end('SIGTERM')).toBe(0);
    expect(statSync(socket).ino).toBe(ino);
  });

  it('is not handed on to the programs that tsnet starts', async () => {
    const bin = join(folder, 'bin');
    const seen = join(folder, 'seen');
    mkdirSync(bin);
    const spy = `#!/bin/sh\n{ env; readlink /proc/$$/fd/* || :; } >${seen}\n`;
    writeFileSync(join(bin, 'systemd-notify'), spy, { mode: 0o755 });
    await activate('-E', `PATH=${bin}:${process.env['PATH']}`, '-E', 'NOTIFY_SOCKET=/nowhere');
    await ask(socket);
    await until('a program was started', () => existsSync(seen) && statSync(seen).size > 0);
    const text = readFileSync(seen, 'utf8');
    expect(text).toContain('NOTIFY_SOCKET=/nowhere');
    expect(text).not.toContain('LISTEN_');
    const listening = (await netns.exec('grep', socket, '/proc/net/unix')).stdout.trim().split(/\s+/)[6];
    expect(listening).toMatch(/^\d+$/);
    expect(text).not.toContain(`socket:[${listening}]`);
  });

  it('must be one and a socket', async () => {
    await activate('-l', join(folder, 'second.sock'));
    await ask(socket).catch(() => undefined);
    await until('the daemon has ended', () => child?.exitCode !== null);
    expect(said).toContain('LISTEN_FDS: "2" is not allowed, expected 1: a single listening socket');
    expect(await end('SIGKILL')).toBe(2);
  });
});

describe('the variables of the protocol', () => {
  it.each([
    ['absent', {}],
    ['for another process', { LISTEN_PID: '1', LISTEN_FDS: '1' }],
    ['without a number of sockets', { LISTEN_PID: String(process.pid) }],
  ])('%s mean that there is no socket', (_, variables) => {
    const environment = { ...variables, LISTEN_FDNAMES: 'x', PATH: '/bin' };
    expect(takeInheritedSocket(environment)).toBe(undefined);
    expect(environment).toEqual({ PATH: '/bin' });
  });

  it('are refused with a number of sockets that makes no sense', () => {
    const variables = { LISTEN_PID: String(process.pid), LISTEN_FDS: 'many' };
    expect(() => takeInheritedSocket(variables)).toThrow('LISTEN_FDS: "many" is not allowed');
  });
});

describe('NOTIFY_SOCKET', () => {
  it('is told once that the daemon is ready', async () => {
    const path = join(folder, 'notify.sock');
    const heard: string[] = [];
    const listener = spawn('socat', ['-u', `UNIX-RECV:${path}`, 'STDOUT'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    listener.stdout.setEncoding('utf8').on('data', (text: string) => heard.push(text));
    try {
      await until('the listener is there', () => existsSync(path));
      await activate('-E', `NOTIFY_SOCKET=${path}`);
      await ask(socket);
      await until('readiness was told', () => heard.join('').includes('READY=1'));
      expect(heard.join('').match(/READY=1/g)).toHaveLength(1);
    } finally {
      listener.kill();
      await once(listener, 'exit');
    }
  });

  it('that nobody listens to is no reason to fail', async () => {
    await activate('-E', `NOTIFY_SOCKET=${join(folder, 'nobody.sock')}`);
    expect(await ask(socket)).toContain('NetworkDriver');
    await until('it is said', () => said.includes('systemd was not told'));
    expect(await end('SIGTERM')).toBe(0);
  });
});
