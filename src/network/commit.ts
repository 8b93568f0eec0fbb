import { toTsnetError, withSuppressed, TsnetError } from '../model/index.ts';
import { observe } from '../observe/index.ts';
import { desired, diff, formatChange, type Intent } from '../plan/index.ts';
import type { StateTransaction } from '../state/index.ts';
import { apply } from './apply.ts';
import type { Context } from './context.ts';
import { intentOf, logChanges, type Scope } from './intent.ts';
import { forgetLock, withLock } from './lock.ts';
import { recover } from './recover.ts';
import { ensureStructure, removeUnusedStructure } from './structure.ts';

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
      decide(tx, scope, change),
    );
    try {
      await lead(context, decision.before, decision.after);
    } catch (thrown) {
      const suppressed = await collect([
        () => lead(context, decision.after, decision.before),
        () => context.state.undo(undo),
        ...(decision.before.network === undefined ? [() => removeUnusedStructure(context)] : []),
      ]);
      throw withSuppressed(toTsnetError(thrown), suppressed);
    }
    await context.state.settle(undo);
    return decision.result;
  });
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
    const decision = await context.state.transact((tx) => decide(tx, scope, change));
    await lead(context, decision.before, decision.after);
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

function decide<T>(tx: StateTransaction, scope: Scope, change: (tx: StateTransaction) => T): Decision<T> {
  const before = intentOf(tx, scope);
  const result = change(tx);
  return { result, before, after: intentOf(tx, scope) };
}

/** Leads the kernel from one intent to another and checks the outcome. */
async function lead(context: Context, before: Intent, after: Intent): Promise<void> {
  const [previous, wanted] = [desired(before), desired(after)];
  const all = [...previous, ...wanted];
  const changes = diff(previous, wanted, await observe(context.kernel, all));
  logChanges(context, changes);
  if (changes.length === 0) return;
  if (changes.some(({ action, resource }) => action === 'create' && resource.kind === 'network-rules')) {
    await ensureStructure(context);
  }
  await apply(context.kernel, changes);
  const remaining = diff(previous, wanted, await observe(context.kernel, all));
  if (remaining.length > 0) {
    throw new TsnetError(
      'drift',
      `the kernel does not hold what was made: ${remaining.map(formatChange).join('; ')}`,
      {
        hint: 'something else changes the same interfaces or rules; try again',
      },
    );
  }
}

async function collect(steps: readonly (() => Promise<unknown>)[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  return failures;
}
