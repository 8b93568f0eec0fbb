import type { Command } from 'commander';
import { openContext } from '../../../network/index.ts';
import { disconnectSandbox } from '../../../run/index.ts';
import { createLogger } from '../logger.ts';
import { printJson } from '../print.ts';
import { readSettings, wantsJson } from '../settings.ts';

/** `tsnet disconnect NETWORK SANDBOX` */
export async function disconnect(command: Command, network: string, sandbox: string): Promise<void> {
  using context = await openContext(readSettings(command), createLogger('warn'));
  const left = await disconnectSandbox(context, sandbox, network);
  if (wantsJson(command)) printJson(left);
}
