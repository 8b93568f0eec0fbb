import { keyOf, type IfName, type NetworkId, type Resource } from '../model/index.ts';
import { observe, observeOwned } from '../observe/index.ts';
import { desired, diff, formatChange, withoutVanished, type Change } from '../plan/index.ts';
import { keptOwners } from './adopt-survivors.ts';
import { apply } from './apply.ts';
import type { Context } from './context.ts';
import { intentOf, logChanges } from './intent.ts';
import { settleInterrupted } from './interrupted.ts';
import { withLocks } from './lock.ts';
import { orphansAmong } from './orphaned-resources.ts';
import { forgetOrphanedRecords } from './orphaned-records.ts';
import { forgetStrayLocks } from './stray-locks.ts';
import { ensureStructure, removeUnneededStructure, removeUnusedStructure } from './structure.ts';
import { withoutSandboxes } from './without-sandboxes.ts';

/** What recovery would put in order. */
export interface Drift {
  /** What all rules stand on and is absent or out of place, one line each. */
  readonly structure: readonly string[];
  readonly changes: readonly Change[];
}

/**
 * Makes the kernel hold what is recorded and nothing else of ours: after a crash, a reboot, or when somebody flushed
 * the rules. Operations that were interrupted are settled first.
 *
 * Networks that are created meanwhile are left to their creators: they are neither repaired nor taken for orphans,
 * because the kernel is looked at before the records, and records are written before the kernel is changed.
 *
 * @returns the changes that were made
 * @throws kernel; the kernel may then hold part of it, and the next recovery goes on
 */
export async function recover(context: Context): Promise<readonly Change[]> {
  await settleInterrupted(context);
  const networks = context.state.read((view) => view.networks().map(({ id }) => id));
  const changes = await withLocks(context.runDirectory, ['recovery', ...networks.sort()], () =>
    recoverHeld(context, networks),
  );
  await forgetStrayLocks(context);
  return changes;
}

async function recoverHeld(context: Context, networks: readonly NetworkId[]): Promise<readonly Change[]> {
  for (const orphan of await forgetOrphanedRecords(context)) context.log.warn('forgotten', { orphan });
  if (networks.length > 0) await ensureStructure(context);
  else await removeUnusedStructure(context);
  const { changes, vanished } = await findChanges(context, new Set(networks));
  for (const bridge of vanished) {
    context.log.warn('a network waits for its bridge, which is gone and was not made by tsnet', { bridge });
  }
  logChanges(context, changes);
  await apply(context.kernel, changes);
  await removeUnneededStructure(context);
  return changes;
}

/**
 * What recovery would put in order now. Nothing is locked or changed; so what an operation is about to do looks like
 * drift as well.
 */
export async function findDrift(context: Context): Promise<Drift> {
  const networks = context.state.read((view) => view.networks().map(({ id }) => id));
  const structure = networks.length > 0 ? await context.kernel.firewall.findDamage() : [];
  const { changes } = await findChanges(context, new Set(networks));
  return { structure, changes };
}

/** Drift as lines, each as in logs and dry runs. */
export function formatDrift({ structure, changes }: Drift): string[] {
  return [...structure.map((line) => `~ ${line}`), ...changes.map(formatChange)];
}

async function findChanges(
  context: Context,
  networks: ReadonlySet<NetworkId>,
): Promise<{ readonly changes: readonly Change[]; readonly vanished: readonly IfName[] }> {
  const marked = await observeOwned(context.kernel);
  const { mine, everybodys } = readDesired(context, networks);
  const orphans = orphansAmong(marked, everybodys, keptOwners(context));
  const owned = marked.filter((resource) => !orphans.includes(resource));
  const seen = new Set(owned.map(keyOf));
  const others = await observe(
    context.kernel,
    mine.filter((resource) => !seen.has(keyOf(resource))),
  );
  const inTheWay = new Set(orphans.map(keyOf));
  const present = [...owned, ...others.filter((resource) => !inTheWay.has(keyOf(resource)))];
  const repairs = withoutSandboxes(diff([], mine, present));
  const { vanished, possible } = withoutVanished(repairs);
  return { changes: [...diff(orphans, [], orphans), ...possible], vanished };
}

/**
 * What the kernel should hold for some networks, and for all. What a container does to the interface in its sandbox is
 * its own business.
 */
function readDesired(
  context: Context,
  networks: ReadonlySet<NetworkId>,
): { readonly mine: Resource[]; readonly everybodys: Resource[] } {
  const all = context.state.read((view) =>
    view.networks().map(({ id }) => ({
      id,
      resources: desired(intentOf(context, view, { network: id, endpoints: 'all' })),
    })),
  );
  return {
    mine: all
      .filter(({ id }) => networks.has(id))
      .flatMap(({ resources }) => resources)
      .filter(({ kind }) => kind !== 'sandbox-interface'),
    everybodys: all.flatMap(({ resources }) => resources),
  };
}
