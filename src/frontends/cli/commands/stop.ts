import type { Command } from 'commander';
import { stopSandbox } from '../../../run/index.ts';
import { eachSandbox } from '../run/each-sandbox.ts';
import { readStopOptions } from '../run/stop-flags.ts';

/** `tsnet stop [-t SECONDS] [-s SIGNAL] SANDBOX…` */
export async function stop(command: Command, names: readonly string[]): Promise<void> {
  const options = readStopOptions(command);
  await eachSandbox(command, names, (context, name) => stopSandbox(context, name, options));
}
