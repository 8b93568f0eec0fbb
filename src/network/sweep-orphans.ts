import type { NetworkId, Owner } from '../model/index.ts';
import { observeOwned } from '../observe/index.ts';
import { desired, diff, formatChange, type Change } from '../plan/index.ts';
import { keptOwners } from './adopt-survivors.ts';
import { apply } from './apply.ts';
import type { Context } from './context.ts';
import { intentOf, logChanges } from './intent.ts';
import { settleInterrupted } from './interrupted.ts';
import { withLocks } from './lock.ts';
import { orphansAmong } from './orphaned-resources.ts';
import { forgetStrayLocks } from './stray-locks.ts';
import { removeUnneededStructure, removeUnusedStructure } from './structure.ts';
import { findOrphanedRecords, forgetOrphanedRecords } from './orphaned-records.ts';

/**
 * Takes away what nobody has: operations whose processes died are settled, then records of endpoints that do not exist are
 * forgotten, and what carries our mark without a record is taken out of the kernel; at last the files of locks.
 *
 * @returns what was taken away, one line each
 * @throws kernel
 */
export async function sweepOrphans(context: Context): Promise<readonly string[]> {
  const settled = (await settleInterrupted(context)).map(({ journal }) => formatInterrupted(journal));
  const swept = [...settled, ...(await forgetOrphanedRecords(context)), ...(await sweepKernel(context))];
  await removeUnusedStructure(context);
  await removeUnneededStructure(context);
  await forgetStrayLocks(context);
  return swept;
}

/** What `sweepOrphans` would take away. Nothing is locked or changed. */
export async function findOrphans(context: Context): Promise<readonly string[]> {
  const interrupted = context.state.unfinished().map(({ journal }) => formatInterrupted(journal));
  const deletions = await findOrphanedResources(context);
  return [...interrupted, ...findOrphanedRecords(context), ...deletions.map(formatChange)];
}

/**
 * What of ours the kernel has without a record. It is looked at before the records, and records are written before the
 * kernel is changed: what is being made is no orphan.
 */
async function findOrphanedResources(context: Context): Promise<readonly Change[]> {
  const owned = await observeOwned(context.kernel);
  const wanted = context.state.read((view) =>
    view.networks().flatMap(({ id }) => desired(intentOf(context, view, { network: id, endpoints: 'all' }))),
  );
  const orphans = orphansAmong(owned, wanted, keptOwners(context));
  return diff(orphans, [], orphans);
}

/** Who ended a network may still be taking it away: the look that counts is under the locks of all. */
async function sweepKernel(context: Context): Promise<readonly string[]> {
  const seen = await findOrphanedResources(context);
  if (seen.length === 0) return [];
  const ended = seen.flatMap(({ resource }) => networksOf(resource.owner));
  const known = context.state.read((view) => view.networks().map(({ id }) => id));
  const locks = [...new Set<NetworkId>([...ended, ...known])].sort();
  return withLocks(context.runDirectory, ['recovery', ...locks], async () => {
    const changes = await findOrphanedResources(context);
    logChanges(context, changes);
    await apply(context.kernel, changes);
    return changes.map(formatChange);
  });
}

function networksOf(owner: Owner): NetworkId[] {
  const prefix = 'network:';
  return owner.startsWith(prefix) ? [owner.slice(prefix.length) as NetworkId] : [];
}

function formatInterrupted(journal: string): string {
  return `operation ${journal.slice(journal.indexOf('/') + 1)}: it was interrupted`;
}
