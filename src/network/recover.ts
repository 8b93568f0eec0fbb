import type { NetworkId, Resource } from '../model/index.ts';
import { observe, observeOwned } from '../observe/index.ts';
import { desired, diff, type Change } from '../plan/index.ts';
import { apply } from './apply.ts';

import type { Context } from './context.ts';
import { intentOf, logChanges } from './intent.ts';
import { withLock } from './lock.ts';
import { ensureStructure, removeUnusedStructure } from './structure.ts';

/**
 * Makes the kernel hold what is recorded and nothing else of ours: after a crash, a reboot, or when somebody flushed
 * the rules. Operations that were interrupted are taken back first, since nobody was told that they succeeded.
 *
 * Networks that are created meanwhile are left to their creators: they are neither repaired nor taken for orphans,
 * because the kernel is looked at before the records, and records are written before the kernel is changed.
 *
 * @returns the changes that were made
 * @throws kernel; the kernel may then hold part of it, and the next recovery goes on
 */
export async function recover(context: Context): Promise<readonly Change[]> {
  const networks = context.state.read((view) => view.networks().map(({ id }) => id));
  return withLocks(context, ['recovery', ...networks.sort()], async () => {
    for (const journal of context.state.unfinished()) {
      context.log.warn('interrupted operation taken back', { journal });
      await context.state.undo(journal);
    }
    if (networks.length > 0) await ensureStructure(context);
    else await removeUnusedStructure(context);
    const owned = await observeOwned(context.kernel);
    const mine = desiredOf(context, new Set(networks));
    const everybodys = desiredOf(context);
    const observed = [...(await observe(context.kernel, mine)), ...owned];
    const orphans = diff(owned, everybodys, owned).filter(({ action }) => action === 'delete');
    const repairs = diff([], mine, observed).filter(isRecoverable);
    const changes = [...orphans, ...repairs];
    logChanges(context, changes);
    await apply(context.kernel, changes);
    return changes;
  });
}

function desiredOf({ state }: Context, only?: ReadonlySet<NetworkId>): Resource[] {
  return state.read((view) =>
    view
      .networks()
      .filter(({ id }) => only?.has(id) ?? true)
      .flatMap(({ id }) => desired(intentOf(view, { network: id, endpoints: 'all' }))),
  );
}

/**
 * A veth that is gone was the link of a container that is gone, or lost its other end inside a running one: a new pair
 * would dangle. Restarting the container brings the endpoint in order.
 */
function isRecoverable({ action, resource }: Change): boolean {
  return !(action === 'create' && resource.kind === 'veth');
}

/** Holds several locks, taken in the order given: the same everywhere, so that no two can wait for each other. */
async function withLocks<T>(
  context: Context,
  names: readonly string[],
  action: () => Promise<T>,
): Promise<T> {
  const [first, ...rest] = names;
  if (first === undefined) return action();
  return withLock(context.runDirectory, first, () => withLocks(context, rest, action));
}
