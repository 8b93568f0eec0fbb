import {
  keyOf,
  TsnetError,
  uniqueByKey,
  type IfbLink,
  type Resource,
  type VethLink,
} from '../model/index.ts';
import { observe } from '../observe/index.ts';
import { desired, desiredOfEndpoints, diff, formatChange, type Change, type Intent } from '../plan/index.ts';
import { apply } from './apply.ts';
import type { Context } from './context.ts';
import { logChanges } from './intent.ts';
import { ensureStructure } from './structure.ts';
import { withoutSandboxes } from './without-sandboxes.ts';

/**
 * Leads the kernel from one intent to another and looks whether it followed.
 *
 * Only what the two intents do not share is looked at: an attach then costs the same in every network. What they share
 * was made before, and whoever takes it away is answered by the daemon's watch, or by `drift` where it is needed. When
 * nothing differs the same was asked for again, and everything is looked at and repaired.
 *
 * @throws kernel; conflict; drift when the kernel does not hold what was just made
 */
export async function lead(
  context: Context,
  before: Intent,
  after: Intent,
  { linksGo = 'now', concerns = 'endpoints' }: Manner = {},
): Promise<void> {
  const [all, wanted] = differing(before, after);
  const previous = all.filter((resource) => !goesWithVeth(resource, all, wanted));
  if (previous.length === 0 && wanted.every(isMadeOnce)) {
    // Usually it is not there yet, and the kernel or the firewall says so if it is.
    try {
      return await make(context, diff([], wanted, []), linksGo);
    } catch (error) {
      if (!(error instanceof TsnetError) || error.kind !== 'conflict') throw error;
    }
  }
  const found = await observe(context.kernel, uniqueByKey([...previous, ...wanted]));
  const changes = diff(previous, wanted, found);
  await make(context, concerns === 'network' ? withoutSandboxes(changes) : changes, linksGo);
}

/** How the kernel is led. */
interface Manner {
  /** Default: now. */
  readonly linksGo?: 'now' | 'later';
  /** `network`: endpoints stay as they are, and those that died without a word are nobody's obstacle. Default: endpoints. */
  readonly concerns?: 'network' | 'endpoints';
}

/** Whether making such a thing fails with `conflict` where another is in its place, and changes nothing then. */
function isMadeOnce({ kind }: Resource): boolean {
  return kind === 'veth' || kind === 'sandbox-interface' || kind === 'published-port' || kind === 'open-port';
}

/** Makes changes and looks whether they were made. */
async function make(context: Context, found: readonly Change[], linksGo: 'now' | 'later'): Promise<void> {
  logChanges(context, found);
  const isPutOff = (change: Change) => linksGo === 'later' && isEndpointLinkDeletion(change);
  context.linkRemoval.add(
    found.filter(isPutOff).map(({ resource }) => (resource as VethLink | IfbLink).name),
  );
  const changes = found.filter((change) => !isPutOff(change));
  if (changes.length === 0) return;
  if (changes.some(({ action, resource }) => action === 'create' && resource.kind === 'network-rules')) {
    await ensureStructure(context);
  }
  await verify(context, changes, await apply(context.kernel, changes));
}

/** What is in a sandbox goes with the veth that leads there, and so do the limits of a veth that goes. */
function goesWithVeth(
  resource: Resource,
  previous: readonly Resource[],
  wanted: readonly Resource[],
): boolean {
  if (resource.kind === 'sandbox-interface') return true;
  if (resource.kind !== 'shaping') return false;
  const has = (resources: readonly Resource[]) =>
    resources.some((other) => other.kind === 'veth' && other.name === resource.link);
  return has(previous) && !has(wanted);
}

function isEndpointLinkDeletion({ action, resource }: Change): boolean {
  return action === 'delete' && (resource.kind === 'veth' || resource.kind === 'ifb');
}

/** What each side wants that the other does not, or otherwise; all that both want if that is the same. */
function differing(before: Intent, after: Intent): readonly [readonly Resource[], readonly Resource[]] {
  // A network that was not written is the same object, and so is what it wants.
  const plan = before.network === after.network ? desiredOfEndpoints : desired;
  const [one, other] = [textsOf(plan(before)), textsOf(plan(after))];
  const onlyOne = [...one].flatMap(([text, resource]) => (other.has(text) ? [] : [resource]));
  const onlyOther = [...other].flatMap(([text, resource]) => (one.has(text) ? [] : [resource]));
  return onlyOne.length + onlyOther.length === 0 ? [desired(before), desired(after)] : [onlyOne, onlyOther];
}

function textsOf(resources: readonly Resource[]): ReadonlyMap<string, Resource> {
  return new Map(resources.map((resource) => [JSON.stringify(resource), resource]));
}

/** Only what was changed is looked at again: the rest was as it should be a moment ago. */
async function verify(
  { kernel }: Context,
  changes: readonly Change[],
  seen: readonly Resource[],
): Promise<void> {
  const touched = changes.map(({ resource }) => resource);
  const known = new Set(seen.map(keyOf));
  const unseen = touched.filter((resource) => !known.has(keyOf(resource)));
  const wanted = changes.flatMap(({ action, resource }) => (action === 'delete' ? [] : [resource]));
  const remaining = diff(touched, wanted, [...seen, ...(await observe(kernel, unseen))]);
  if (remaining.length === 0) return;
  throw new TsnetError(
    'drift',
    `the kernel does not hold what was made: ${remaining.map(formatChange).join('; ')}`,
    { hint: 'something else changes the same interfaces or rules; try again' },
  );
}
