import { belongsTo, keyOf, type Resource } from '../model/index.ts';

/**
 * Those of the resources that carry our mark which no record wants, or only for another owner than they have.
 *
 * @param kept owners whose records were lost, see `keptOwners`: what is theirs is no orphan
 */
export function orphansAmong(
  owned: readonly Resource[],
  wanted: readonly Resource[],
  kept: ReadonlySet<string>,
): Resource[] {
  const owners = new Map(wanted.map((resource) => [keyOf(resource), resource.owner]));
  return owned.filter((resource) => {
    const owner = owners.get(keyOf(resource));
    if (kept.has(resource.owner)) return false;
    return owner === undefined || !belongsTo(owner, resource.owner);
  });
}
