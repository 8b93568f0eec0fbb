import { toTsnetError, TsnetError, withSuppressed } from '../model/index.ts';
import type { Intent } from '../plan/index.ts';
import type { JournalId, StateTransaction } from '../state/index.ts';
import { clearingTheWay } from './clear-the-way.ts';
import type { Context } from './context.ts';
import { intentOf, type Scope } from './intent.ts';
import { settleHeld } from './interrupted.ts';
import { lead } from './lead.ts';
import { forgetLock, withLock } from './lock.ts';
import { logLives } from './log-lives.ts';
import { removeUnusedStructure } from './structure.ts';

/**
 * The one writer. Records what a change decides, makes the kernel agree, looks whether it does, and only then
 * returns. If any step fails the kernel and the records are led back to what they were.
 *
 * The intent is written before the kernel is touched, together with a journal of what it replaced: whatever a crash
 * leaves behind has a name, and recovery goes back to the journal's content.
 *
 * When the kernel turns out not to hold what everything stands on, say because somebody flushed all rules, it is
 * recovered and the operation made once more. It is so, too, when something is in the way that nobody has any more.
 *
 * @param change validates and records, synchronously and in one transaction; what it throws leaves nothing changed
 * @throws what `change` throws; kernel; drift when the kernel does not hold what was just made
 */
export async function commit<T>(
  context: Context,
  scope: Scope,
  change: (tx: StateTransaction) => T,
): Promise<T> {
  return clearingTheWay(context, () =>
    withLock(context.runDirectory, scope.network, () =>
      attempt(context, scope, change).catch((error: unknown) => {
        const isKnown = context.state.read((view) => view.network(scope.network)) !== undefined;
        if (!isKnown) forgetLock(context.runDirectory, scope.network);
        throw error;
      }),
    ),
  );
}

/** The caller holds the lock of the network. */
async function attempt<T>(context: Context, scope: Scope, change: (tx: StateTransaction) => T): Promise<T> {
  const { result: decision, undo } = await onSettled(context, scope, () =>
    context.state.transactUndoable((tx) => decide(context, tx, scope, change)),
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
}

/**
 * Forgets how to take an operation back. For an endpoint nobody waits for it: if the process is killed in between,
 * recovery finds the kernel as decided and takes the operation for complete, and no endpoint outlives a reboot.
 */
async function settle<T>(
  context: Context,
  { before, after }: Decision<T>,
  journal: JournalId | undefined,
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
    const decision = await onSettled(context, scope, () =>
      context.state.transact((tx) => decide(context, tx, scope, change)),
    );
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

/** Says that an operation on the same network was interrupted and not settled yet. */
class UnsettledError extends TsnetError {
  constructor() {
    super('try-again', 'an operation on the same network was interrupted');
  }
}

/**
 * Records a decision where no interrupted operation concerns the network any more: what one operation replaced must never
 * be put back over what a later one wrote. Looking is part of the transaction, so that it costs no read of its own.
 */
async function onSettled<T>(context: Context, { network }: Scope, record: () => Promise<T>): Promise<T> {
  try {
    return await record();
  } catch (error) {
    if (!(error instanceof UnsettledError)) throw error;
    await settleHeld(context, network);
    return record();
  }
}

function decide<T>(
  context: Context,
  tx: StateTransaction,
  scope: Scope,
  change: (tx: StateTransaction) => T,
): Decision<T> {
  const isConcerned = tx
    .unfinished()
    .some(({ scopes }) => scopes.some((one) => one.network === scope.network));
  if (isConcerned) throw new UnsettledError();
  const before = intentOf(context, tx, scope);
  const result = change(tx);
  return { result, before, after: intentOf(context, tx, scope) };
}

async function collect(steps: readonly (() => Promise<unknown>)[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  return failures;
}
