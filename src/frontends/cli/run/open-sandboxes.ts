import type { Command } from 'commander';
import { openContext, type OpenContext } from '../../../network/index.ts';
import { settleSandboxes } from '../../../run/index.ts';
import { createLogger } from '../logger.ts';
import { readSettings } from '../settings.ts';

/** Opens what a command needs that changes sandboxes, once what others were killed in the middle of is in order. */
export async function openSandboxes(command: Command): Promise<OpenContext> {
  const context = await openContext(readSettings(command), createLogger('warn'));
  try {
    await settleSandboxes(context);
    return context;
  } catch (error) {
    context[Symbol.dispose]();
    throw error;
  }
}
