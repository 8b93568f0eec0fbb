import type { Command } from 'commander';
import { findDrift, formatDrift, openContext, recover } from '../../../network/index.ts';
import { createLogger } from '../logger.ts';
import { printable } from '../../../model/index.ts';
import { printJson } from '../print.ts';
import { readSettings, wantsJson } from '../settings.ts';

/**
 * `tsnet reconcile`: makes the kernel hold what is recorded, with or without the daemon, and prints each change as a
 * line. With `--dry-run` nothing is changed.
 */
export async function reconcile(command: Command): Promise<void> {
  const isDryRun = command.opts<{ dryRun?: boolean }>().dryRun === true;
  using context = await openContext(readSettings(command), createLogger('warn'));
  const drift = await findDrift(context);
  // Only what was really changed is printed: an operation under way looks like drift.
  const changes = isDryRun ? drift.changes : await recover(context);
  const lines = formatDrift({ structure: drift.structure, changes });
  if (wantsJson(command)) return printJson({ isDryRun, structure: drift.structure, changes });
  for (const line of lines) process.stdout.write(`${printable(line)}\n`);
}
