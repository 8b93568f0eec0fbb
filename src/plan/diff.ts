import { belongsTo, formatResource, keyOf, type Resource } from '../model/index.ts';
import { isAsDesired } from './compare.ts';
import { inCreationOrder, inDeletionOrder } from './order.ts';

/** One thing to do to the kernel. */
export type Change =
  | { readonly action: 'create'; readonly resource: Resource }
  | { readonly action: 'update'; readonly resource: Resource; readonly before: Resource }
  | { readonly action: 'delete'; readonly resource: Resource };

/**
 * The changes that lead from what is observed to what is desired, in the order in which they can be made.
 *
 * Three-way on purpose: `previous` tells what may be deleted, `desired` what must be there, `observed` what is. What is
 * observed and is neither previous nor desired is left alone, unless the caller lists it as previous because it
 * carries tsnet's mark.
 */
export function diff(
  previous: readonly Resource[],
  desired: readonly Resource[],
  observed: readonly Resource[],
): Change[] {
  const wanted = new Map(desired.map((resource) => [keyOf(resource), resource]));
  const present = new Map(observed.map((resource) => [keyOf(resource), resource]));
  const gone = new Map(previous.map((resource) => [keyOf(resource), resource]));

  const deletions = [...gone]
    .filter(([key]) => !wanted.has(key))
    .flatMap(([key, before]) => {
      const found = present.get(key);
      // A setting of the host, on which others may have come to rely, and a bridge that others made are not ours; nor
      // is what a stranger put in the place of what was.
      const isOurs = found !== undefined && found.owner !== 'host' && belongsTo(before.owner, found.owner);
      return isOurs ? [found] : [];
    });
  const changes: Change[] = inDeletionOrder(deletions).map((resource) => ({ action: 'delete', resource }));

  for (const resource of inCreationOrder([...wanted.values()])) {
    const before = present.get(keyOf(resource));
    if (before === undefined) changes.push({ action: 'create', resource });
    else if (!isAsDesired(resource, before)) changes.push({ action: 'update', resource, before });
  }
  return changes;
}

/** A change as one line: `+`, `-` or `~` and the resource in the style of iproute2. */
export function formatChange(change: Change): string {
  const sign = { create: '+', update: '~', delete: '-' }[change.action];
  return `${sign} ${formatResource(change.resource)}`;
}
