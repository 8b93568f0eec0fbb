import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { compileProgram } from './compile.ts';

/** What came of some rounds. */
export interface DamageReport {
  /** One line for each round, `<round>: <damage>, <use> <outcome>`. */
  readonly rounds: readonly string[];
  /** The rounds that went wrong, and the end of a process that a signal ended. */
  readonly failures: readonly string[];
}

/**
 * Damages the files of a state in so many ways that a seed decides, and uses it after each: for reading and writing, after a
 * boot, to check and to restore it. Right is the truth, or an error that names the file; wrong is everything else.
 */
export async function damageRounds(count: number, seed: number): Promise<DamageReport> {
  const program = await compileProgram(resolve(import.meta.dirname, '../unit/state/damage-rounds.ts'));
  const rounds: string[] = [];
  const failures: string[] = [];
  // Who is ended by a signal is started again behind the round that ended it.
  while (rounds.length < count) {
    const [directory, runDirectory] = [tmpdir(), '/dev/shm'].map((folder) =>
      mkdtempSync(join(folder, 'tsnet-damage-')),
    ) as [string, string];
    const numbers = [count - rounds.length, seed, rounds.length].map(String);
    const child = spawn(process.execPath, [program, directory, runDirectory, ...numbers], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    for (const one of [directory, runDirectory]) rmSync(one, { recursive: true, force: true });
    const lines = said.split('\n').filter((line) => line !== '');
    rounds.push(...lines);
    failures.push(...lines.filter((line) => line.includes(' WRONG ')));
    if (code === 0) break;
    failures.push(`${lines.at(-1) ?? 'before the first round'}: ${signal ?? `exit ${code}`} ${errors}`);
    if (lines.length === 0) break;
  }
  return { rounds, failures };
}
