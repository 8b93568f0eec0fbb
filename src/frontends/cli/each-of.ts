import type { Command } from 'commander';
import { printJson } from './print.ts';
import { reportError } from './report-error.ts';
import { wantsJson } from './settings.ts';

/**
 * Does something with each of the things named, one after the other, and prints the name of each that it was done with.
 * One with which it fails does not keep it from the others; the worst failure, the one with the highest exit status,
 * decides.
 *
 * @throws what `action` throws, where there is only one
 */
export async function eachOf(
  command: Command,
  names: readonly string[],
  action: (name: string) => Promise<{ readonly id: string; readonly name: string }>,
): Promise<void> {
  const done = [];
  let status = 0;
  for (const wanted of names) {
    try {
      const { id, name } = await action(wanted);
      done.push({ id, name });
      if (!wantsJson(command)) process.stdout.write(`${wanted}\n`);
    } catch (error) {
      if (names.length === 1) throw error;
      status = Math.max(status, reportError(error, false));
    }
  }
  if (wantsJson(command)) printJson(done);
  if (status !== 0) process.exitCode = status;
}
