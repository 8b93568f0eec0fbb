import type { Command } from 'commander';
import { removeSandbox } from '../../../run/index.ts';
import { eachSandbox } from '../run/each-sandbox.ts';

/** `tsnet rm [-f] SANDBOX…` */
export async function remove(command: Command, names: readonly string[]): Promise<void> {
  const isForced = command.opts<{ force?: boolean }>().force === true;
  await eachSandbox(command, names, (context, name) => removeSandbox(context, name, isForced));
}
