import { keptOwners } from './adopt-survivors.ts';
import type { Context } from './context.ts';
import { withLock } from './lock.ts';

/**
 * Makes what the rules of every network stand on: tsnet's own table or chains, and the acceptance of forwarded traffic
 * where other software drops it.
 *
 * Called after the network is recorded, so that nobody takes the structure away as unused meanwhile.
 */
export async function ensureStructure(context: Context): Promise<void> {
  await withLock(context.runDirectory, lockName, async () => {
    for (const note of await context.kernel.firewall.prepare()) context.log.warn('firewall', { note });
  });
}

/** Takes the structure away with the last network: a host without networks shows no trace of tsnet. */
export async function removeUnusedStructure(context: Context): Promise<void> {
  await withLock(context.runDirectory, lockName, async () => {
    const isUnused = context.state.read((view) => view.networks()).length === 0;
    if (isUnused && keptOwners(context).size === 0) await context.kernel.firewall.remove();
  });
}

/** Takes away what only some networks need and none of those that are there: one look at all rules. */
export async function removeUnneededStructure(context: Context): Promise<void> {
  await withLock(context.runDirectory, lockName, () => context.kernel.firewall.removeUnneeded());
}

const lockName = 'firewall';
