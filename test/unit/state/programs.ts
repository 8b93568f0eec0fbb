import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';
import { compileProgram } from '../../support/compile.ts';

/** Compiles the program that changes the state from a process of its own. */
export function compileWriter(): Promise<string> {
  return compileProgram(resolve(import.meta.dirname, 'writer.ts'));
}

/** A process that is running, and what it said so far. */
export interface Running {
  readonly process: ChildProcess;
  readonly lines: readonly string[];
  /** Resolves when the process has ended and everything it said was read. */
  readonly ended: Promise<void>;
  /** Resolves when it has said that many lines, or has ended without. */
  readonly said: (count: number) => Promise<void>;
}

export function start(program: string, ...parameters: string[]): Running {
  const child = spawn(process.execPath, [program, ...parameters], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  const ended = Promise.all([once(child, 'close'), once(reader, 'close')]).then(() => undefined);
  const said = async (count: number) => {
    while (lines.length < count && child.exitCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  return { process: child, lines, ended, said };
}
