import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Netns } from './netns.ts';

/** A JavaScript program that runs inside a namespace until the end of its scope. */
export interface ScriptInside extends AsyncDisposable {
  readonly pid: number;
}

/**
 * Runs a CommonJS program inside a namespace.
 *
 * @returns once it wrote its first line, such as `console.log('ready')`
 * @throws when it ends before that
 */
export async function runScriptInside(netns: Netns, script: string): Promise<ScriptInside> {
  // nsenter becomes the program, so its pid is the program's.
  const child = spawn('nsenter', [`--net=${netns.path}`, process.execPath, '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const isReady = await Promise.race([once(lines, 'line').then(() => true), ended.then(() => false)]);
  if (!isReady || child.pid === undefined) throw new Error(`the script ended in ${netns.name}`);
  return { pid: child.pid, [Symbol.asyncDispose]: async () => await end(child, ended) };
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGKILL');
  await ended;
}
