import type { Command } from 'commander';
import type { NamedSandbox } from '../../../model/index.ts';
import type { Context } from '../../../network/index.ts';
import { eachOf } from '../each-of.ts';
import { openSandboxes } from './open-sandboxes.ts';

/** Does something with sandboxes, as `eachOf`. @throws as it */
export async function eachSandbox(
  command: Command,
  names: readonly string[],
  action: (context: Context, name: string) => Promise<Pick<NamedSandbox, 'id' | 'name'>>,
): Promise<void> {
  using context = await openSandboxes(command);
  await eachOf(command, names, async (name) => {
    try {
      return await action(context, name);
    } finally {
      await context.linkRemoval.idle();
    }
  });
}
