import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const dist = join(import.meta.dirname, '../../../dist');

/** How an executable ended. */
export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to start an executable. */
export interface Start {
  /** Path of the network namespace that plays the host; absent: this process's own. */
  readonly host?: string;
  /** Below `dist`. */
  readonly program?: 'cni/tsnet' | 'cni/tsnet-ipam' | 'netavark/tsnet';
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** A command that starts it, such as unshare(1). */
  readonly wrapper?: readonly string[];
}

/** An executable that runs. */
export interface Started {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
}

/** Starts an executable as a runtime does: with this environment and no more, and the configuration on its input. */
export function start({
  host,
  program = 'cni/tsnet',
  args = [],
  env,
  stdin = '',
  wrapper = [],
}: Start): Started {
  const place = host === undefined ? [] : ['nsenter', `--net=${host}`];
  const [command = '', ...words] = [...place, ...wrapper, join(dist, program), ...args];
  const child = spawn(command, words, {
    cwd: '/',
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // Who is killed does not read its input to the end.
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  return { child, outcome: outcomeOf(child) };
}

/** Starts an executable and waits for its end. */
export function run(how: Start): Promise<Outcome> {
  return start(how).outcome;
}

async function outcomeOf(
  child: ChildProcess & { readonly stdout: NodeJS.ReadableStream; readonly stderr: NodeJS.ReadableStream },
): Promise<Outcome> {
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const [stdout, stderr, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, signal, stdout, stderr };
}
