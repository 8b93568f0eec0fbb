import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { createNetns, type Netns } from '../support/netns.ts';
import { PluginClient } from './plugin-client.ts';
import type { Scope } from './scope.ts';

const root = join(import.meta.dirname, '../..');

/** The program that is measured. */
export const program = join(root, 'dist/tsnet');

/** Resident memory of a process in MB (2²⁰ bytes): now, and the most there ever was. */
export interface Memory {
  readonly now: number;
  readonly peak: number;
}

/** `tsnet serve` as a process of its own, in a network namespace of its own that plays the host. */
export class Daemon implements AsyncDisposable {
  readonly netns: Netns;
  readonly stateDirectory: string;
  readonly runDirectory: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;
  #client: PluginClient | undefined;

  private constructor(netns: Netns, folder: string, runDirectory: string) {
    this.netns = netns;
    this.#folder = folder;
    this.stateDirectory = join(folder, 'state');
    this.runDirectory = runDirectory;
  }

  /**
   * Starts one that ends with the scope. Its records lie on the disk of the project, where a flush costs what it costs,
   * its run directory in memory, as `/run` is on hosts that systemd starts.
   */
  static async start(scope: Scope): Promise<Daemon> {
    const folder = await mkdtemp(join(root, '.cache/bench-'));
    scope.onEnd(() => rm(folder, { recursive: true, force: true }));
    const runDirectory = await mkdtemp('/dev/shm/tsnet-bench-');
    scope.onEnd(() => rm(runDirectory, { recursive: true, force: true }));
    const daemon = new Daemon(scope.use(await createNetns('bench')), folder, runDirectory);
    scope.use(daemon);
    await daemon.start();
    return daemon;
  }

  /** Starts the process. @returns milliseconds until it answered on its socket */
  async start(): Promise<number> {
    const log = openSync(this.#logFile, 'a');
    const flags = [
      ['--socket', this.#socket],
      ['--state-dir', this.stateDirectory],
      ['--run-dir', this.runDirectory],
    ].flat();
    const begin = performance.now();
    const child = spawn('nsenter', [`--net=${this.netns.path}`, program, 'serve', ...flags], {
      stdio: ['ignore', log, log],
      // Keys of the terminal are not for it.
      detached: true,
    });
    this.#process = child;
    closeSync(log);
    while (!(await isHealthy(this.#socket))) {
      if (child.exitCode !== null || performance.now() - begin > 60_000) {
        throw new Error(`tsnet serve does not answer: ${readFileSync(this.#logFile, 'utf8').slice(-2000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const elapsed = performance.now() - begin;
    this.#client = new PluginClient(this.#socket);
    return elapsed;
  }

  /** Ends the process; the namespace and the records stay. */
  async stop(): Promise<void> {
    this.#client?.[Symbol.dispose]();
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }

  /** Calls `NetworkDriver.<name>`. @returns milliseconds at the socket @throws Error when it fails or is refused */
  async call(name: string, request: object): Promise<number> {
    if (this.#client === undefined) throw new Error('the daemon is not running');
    return (await this.#client.call(`NetworkDriver.${name}`, request)).ms;
  }

  memory(): Memory {
    const status = readFileSync(`/proc/${this.#process?.pid}/status`, 'utf8');
    const read = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
    return { now: read('VmRSS'), peak: read('VmHWM') };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #socket(): string {
    return join(this.#folder, 'tsnet.sock');
  }

  get #logFile(): string {
    return join(this.#folder, 'log');
  }
}

function isHealthy(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: '/healthz' }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.once('error', () => resolve(false));
    asked.end();
  });
}
