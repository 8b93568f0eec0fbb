import type { Command } from 'commander';
import { disconnectSandbox } from '../../../run/index.ts';
import { printJson } from '../print.ts';
import { openSandboxes } from '../run/open-sandboxes.ts';
import { wantsJson } from '../settings.ts';

/** `tsnet disconnect NETWORK SANDBOX` */
export async function disconnect(command: Command, network: string, sandbox: string): Promise<void> {
  using context = await openSandboxes(command);
  const left = await disconnectSandbox(context, sandbox, network);
  if (wantsJson(command)) printJson(left);
}
