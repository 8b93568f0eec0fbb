import type { NetworkId, Resource } from '../model/index.ts';
import { isFirewallResource, observe } from '../observe/index.ts';
import { desired, desiredOfEndpoints, diff } from '../plan/index.ts';
import type { Interrupted, StateView } from '../state/index.ts';
import type { Context } from './context.ts';
import { intentOf } from './intent.ts';
import { lead } from './lead.ts';
import { withLock } from './lock.ts';
import { removeUnusedStructure } from './structure.ts';

/**
 * Settles every operation whose process died, each under the lock of its network.
 *
 * @returns their journals
 */
export async function settleInterrupted(context: Context): Promise<readonly Interrupted[]> {
  const operations = context.state.unfinished();
  const networks = new Set(operations.flatMap(({ scopes }) => scopes.map(({ network }) => network)));
  for (const network of [...networks].sort()) {
    await withLock(context.runDirectory, network, () => settleHeld(context, network));
  }
  await settleAll(
    context,
    operations.filter(({ scopes }) => scopes.length === 0),
  );
  return operations;
}

/** Settles the interrupted operations that concern a network whose lock the caller holds. */
export async function settleHeld(context: Context, network: NetworkId): Promise<void> {
  const concerned = context.state
    .unfinished()
    .filter(({ scopes }) => scopes.some((scope) => scope.network === network));
  await settleAll(context, concerned);
}

/**
 * Settles operations, oldest first. One whose records are there and whose every change is in the kernel was complete, and
 * its caller may have been told so; any other is taken back, since nobody was told that it succeeded.
 */
export async function settleAll(context: Context, operations: readonly Interrupted[]): Promise<void> {
  for (const operation of operations) {
    const isComplete = operation.isWhole && (await isInKernel(context, operation));
    context.log.warn(isComplete ? 'interrupted operation was complete' : 'interrupted operation taken back', {
      journal: operation.journal,
    });
    if (isComplete) await context.state.settle(operation.journal);
    else await takeBack(context, operation);
  }
}

/** The kernel first: as long as the records are there, what is left in it has a name. */
async function takeBack(context: Context, { journal, scopes }: Interrupted): Promise<void> {
  const intents = (view: StateView) => scopes.map((scope) => intentOf(context, view, scope));
  const present = context.state.read(intents);
  const former = await context.state.previewUndo(journal, intents);
  for (const [index, before] of former.entries()) {
    const after = present[index];
    if (after === undefined) continue;
    await lead(context, after, before, { concerns: 'network' }).catch((error: unknown) =>
      context.log.warn('what an interrupted operation made stays for the next recovery', {
        journal,
        error: String(error),
      }),
    );
  }
  await context.state.undo(journal);
  if (former.some(({ network }) => network === undefined)) await removeUnusedStructure(context);
}

async function isInKernel(context: Context, { scopes }: Interrupted): Promise<boolean> {
  const intents = context.state.read((view) => scopes.map((scope) => intentOf(context, view, scope)));
  const lackingOf = async (wanted: readonly Resource[]) =>
    diff([], wanted, await observe(context.kernel, wanted)).map(({ resource }) => resource);
  for (const [index, intent] of intents.entries()) {
    if (scopes[index]?.changesNetwork === true) {
      if ((await lackingOf(desired(intent))).length > 0) return false;
      continue;
    }
    // An operation on endpoints finds its network made. Where the rules of the network are gone somebody flushed them, and
    // that a rule of an endpoint is gone as well proves nothing: its container may run.
    const lacking = await lackingOf(desiredOfEndpoints(intent));
    if (lacking.some((resource) => !isFirewallResource(resource))) return false;
    const rules = desired(intent).filter(({ kind }) => kind === 'network-rules');
    if (lacking.length > 0 && (await lackingOf(rules)).length === 0) return false;
  }
  return true;
}
