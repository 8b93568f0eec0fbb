import type { Command } from 'commander';
import type { NamedSandbox } from '../../../model/index.ts';
import type { Context } from '../../../network/index.ts';
import { printJson } from '../print.ts';
import { wantsJson } from '../settings.ts';
import { openSandboxes } from './open-sandboxes.ts';

/** Does something with sandboxes, one after the other, and prints the name of each that it was done with. */
export async function eachSandbox(
  command: Command,
  names: readonly string[],
  action: (context: Context, name: string) => Promise<Pick<NamedSandbox, 'id' | 'name'>>,
): Promise<void> {
  using context = await openSandboxes(command);
  const done = [];
  try {
    for (const wanted of names) {
      const { id, name } = await action(context, wanted);
      done.push({ id, name });
      if (!wantsJson(command)) process.stdout.write(`${wanted}\n`);
    }
  } finally {
    await context.linkRemoval.idle();
  }
  if (wantsJson(command)) printJson(done);
}
