import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Netns } from './netns.ts';

/** The built daemon as a process of its own in a network namespace, without an engine. */
export interface Daemon extends AsyncDisposable {
  readonly folder: string;
  readonly socket: string;
  /** Of the run under way. */
  readonly pid: number;
  /** Where it listens for the executables; in memory, as /run is. */
  readonly runDirectory: string;
  /** Starts it and waits until it answers. */
  start(): Promise<void>;
  /** Ends it and waits until it is gone. */
  stop(signal: NodeJS.Signals): Promise<void>;
  /** Calls it as an engine does; `undefined` when the connection broke. */
  call(name: string, body: object): Promise<Readonly<Record<string, unknown>> | undefined>;
  /** What it wrote to its log, all runs together. */
  log(): string;
}

const built = join(import.meta.dirname, '../../dist/tsnet');

/**
 * Prepares a daemon for a namespace; nothing runs before `start`.
 *
 * @param program another `dist/tsnet` than the one that was built
 */
export function createDaemon(netns: Netns, program = built): Daemon {
  const folder = mkdtempSync(join(tmpdir(), 'tsnet-daemon-'));
  const socket = join(folder, 'tsnet.sock');
  const runDirectory = mkdtempSync('/dev/shm/tsnet-daemon-');
  const flags = [
    '--socket',
    socket,
    '--state-dir',
    join(folder, 'state'),
    '--run-dir',
    runDirectory,
    '--log-level',
    'debug',
  ];
  let child: ChildProcess | undefined;
  let log = '';
  const stop: Daemon['stop'] = async (signal) => {
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
    child = undefined;
  };
  return {
    folder,
    socket,
    get pid() {
      if (child?.pid === undefined) throw new Error('the daemon does not run');
      return child.pid;
    },
    runDirectory,
    async start() {
      // nsenter and the launcher replace themselves, so that the child is the daemon itself.
      const args = [`--net=${netns.path}`, program, 'serve', ...flags];
      child = spawn('nsenter', args, { stdio: ['ignore', 'ignore', 'pipe'] });
      child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
      for (let tries = 0; (await ask(socket, 'GET', '/healthz')) === undefined; tries += 1) {
        if (child.exitCode !== null || tries > 500) throw new Error(`the daemon does not answer: ${log}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    stop,
    call: (name, body) => ask(socket, 'POST', `/${name}`, JSON.stringify(body)),
    log: () => log,
    async [Symbol.asyncDispose]() {
      await stop('SIGKILL');
      for (const one of [folder, runDirectory]) rmSync(one, { recursive: true, force: true });
    },
  };
}

function ask(
  socketPath: string,
  method: string,
  path: string,
  body?: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  return new Promise((resolve) => {
    const outgoing = request({ socketPath, path, method, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('error', () => resolve(undefined));
      response.on('end', () => resolve(JSON.parse(text) as Record<string, unknown>));
    });
    outgoing.on('error', () => resolve(undefined));
    outgoing.end(body);
  });
}
