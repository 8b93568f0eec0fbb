import {
  toTsnetError,
  withSuppressed,
  TsnetError,
  keyOf,
  uniqueByKey,
  type IfbLink,
  type Resource,
  type VethLink,
} from '../model/index.ts';
import { observe } from '../observe/index.ts';
import { desired, desiredOfEndpoints, diff, formatChange, type Change, type Intent } from '../plan/index.ts';
import type { JournalId, StateTransaction } from '../state/index.ts';
import { apply } from './apply.ts';
import type { Context } from './context.ts';
import { intentOf, logChanges, type Scope } from './intent.ts';
import { forgetLock, withLock } from './lock.ts';
import { logLives } from './log-lives.ts';
import { recover } from './recover.ts';
import { ensureStructure, removeUnusedStructure } from './structure.ts';
import { withoutSandboxes } from './without-sandboxes.ts';

/**
 * The one writer. Records what a change decides, makes the kernel agree, looks whether it does, and only then
 * returns. If any step fails the kernel and the records are led back to what they were.
 *
 * The intent is written before the kernel is touched, together with a journal of what it replaced: whatever a crash
 * leaves behind has a name, and recovery goes back to the journal's content.
 *
 * When the kernel turns out not to hold what everything stands on, say because somebody flushed all rules, it is
 * recovered and the operation made once more.
 *
 * @param change validates and records, synchronously and in one transaction; what it throws leaves nothing changed
 * @throws what `change` throws; kernel; drift when the kernel does not hold what was just made
 */
export async function commit<T>(
  context: Context,
  scope: Scope,
  change: (tx: StateTransaction) => T,
): Promise<T> {
  try {
    return await attempt(context, scope, change);
  } catch (error) {
    if (!(error instanceof TsnetError) || error.kind !== 'drift') throw error;
    context.log.warn('the kernel is recovered', { because: error.message });
    await recover(context);
    return attempt(context, scope, change);
  }
}

async function attempt<T>(context: Context, scope: Scope, change: (tx: StateTransaction) => T): Promise<T> {
  return withLock(context.runDirectory, scope.network, async () => {
    const { result: decision, undo } = await context.state.transactUndoable((tx) =>
      decide(context, tx, scope, change),
    );
    const how = { concerns: scope.endpoints === 'all' ? 'network' : 'endpoints' } as const;
    try {
      await lead(context, decision.before, decision.after, how);
    } catch (thrown) {
      const suppressed = await collect([
        () => lead(context, decision.after, decision.before, how),
        () => context.state.undo(undo),
        ...(decision.before.network === undefined ? [() => removeUnusedStructure(context)] : []),
      ]);
      throw withSuppressed(toTsnetError(thrown), suppressed);
    }
    await settle(context, decision, undo);
    logLives(context, decision.before, decision.after);
    return decision.result;
  });
}

/**
 * Forgets how to take an operation back. For an endpoint nobody waits for it: if the process is killed in between,
 * recovery finds the kernel as decided and takes the operation for complete, and no endpoint outlives a reboot.
 */
async function settle<T>(
  context: Context,
  { before, after }: Decision<T>,
  journal: JournalId,
): Promise<void> {
  if (before.network !== after.network) return context.state.settle(journal);
  context.state
    .settleUnhurried(journal)
    .catch((error: unknown) => context.log.error('settle', { journal, error: String(error) }));
}

/**
 * The other direction of `commit`: records that something has ended, then takes it out of the kernel.
 *
 * The record goes first and stays gone whatever happens next, since who asks for the end of a thing will not ask twice.
 * What could not be removed still carries our mark, so that recovery finds it.
 *
 * @throws what `change` throws; kernel when something is left behind
 */
export async function withdraw<T>(
  context: Context,
  scope: Scope,
  change: (tx: StateTransaction) => T,
): Promise<T> {
  return withLock(context.runDirectory, scope.network, async () => {
    const decision = await context.state.transact((tx) => decide(context, tx, scope, change));
    logLives(context, decision.before, decision.after);
    await lead(context, decision.before, decision.after, { linksGo: 'later' });
    if (decision.before.network !== undefined && decision.after.network === undefined) {
      await removeUnusedStructure(context);
    }
    if (decision.after.network === undefined) forgetLock(context.runDirectory, scope.network);
    return decision.result;
  });
}

interface Decision<T> {
  readonly result: T;
  readonly before: Intent;
  readonly after: Intent;
}

function decide<T>(
  context: Context,
  tx: StateTransaction,
  scope: Scope,
  change: (tx: StateTransaction) => T,
): Decision<T> {
  const before = intentOf(context, tx, scope);
  const result = change(tx);
  return { result, before, after: intentOf(context, tx, scope) };
}

/**
 * Leads the kernel from one intent to another and looks whether it followed.
 *
 * Only what the two intents do not share is looked at: an attach then costs the same in every network. What they share
 * was made before, and whoever takes it away is answered by the daemon's watch, or by `drift` where it is needed. When
 * nothing differs the same was asked for again, and everything is looked at and repaired.
 */
async function lead(
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

async function collect(steps: readonly (() => Promise<unknown>)[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  return failures;
}
