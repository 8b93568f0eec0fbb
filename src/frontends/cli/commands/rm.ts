import type { Command } from 'commander';
import { openContext } from '../../../network/index.ts';
import { removeSandbox } from '../../../run/index.ts';
import { createLogger } from '../logger.ts';
import { printJson } from '../print.ts';
import { readSettings, wantsJson } from '../settings.ts';

/** `tsnet rm [-f] SANDBOX…` */
export async function remove(command: Command, names: readonly string[]): Promise<void> {
  const isForced = command.opts<{ force?: boolean }>().force === true;
  using context = await openContext(readSettings(command), createLogger('warn'));
  const removed = [];
  for (const name of names) {
    const { id, name: known } = await removeSandbox(context, name, isForced);
    removed.push({ id, name: known });
    if (!wantsJson(command)) process.stdout.write(`${name}\n`);
  }
  await context.linkRemoval.idle();
  if (wantsJson(command)) printJson(removed);
}
