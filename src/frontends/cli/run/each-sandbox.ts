import type { Command } from 'commander';
import type { NamedSandbox } from '../../../model/index.ts';
import type { Context } from '../../../network/index.ts';
import { printJson } from '../print.ts';
import { reportError } from '../report-error.ts';
import { wantsJson } from '../settings.ts';
import { openSandboxes } from './open-sandboxes.ts';

/**
 * Does something with sandboxes, one after the other, and prints the name of each that it was done with. One with which it
 * fails does not keep it from the others; the first failure decides about the exit status.
 *
 * @throws what `action` throws, where there is only one
 */
export async function eachSandbox(
  command: Command,
  names: readonly string[],
  action: (context: Context, name: string) => Promise<Pick<NamedSandbox, 'id' | 'name'>>,
): Promise<void> {
  using context = await openSandboxes(command);
  const done = [];
  let status = 0;
  for (const wanted of names) {
    try {
      const { id, name } = await action(context, wanted);
      done.push({ id, name });
      if (!wantsJson(command)) process.stdout.write(`${wanted}\n`);
    } catch (error) {
      if (names.length === 1) throw error;
      const code = reportError(error, false);
      if (status === 0) status = code;
    } finally {
      await context.linkRemoval.idle();
    }
  }
  if (wantsJson(command)) printJson(done);
  if (status !== 0) process.exitCode = status;
}
