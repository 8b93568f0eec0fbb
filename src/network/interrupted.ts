import { observe } from '../observe/index.ts';
import { desired, diff } from '../plan/index.ts';
import type { Interrupted } from '../state/index.ts';
import type { Context } from './context.ts';
import { intentOf } from './intent.ts';
import { freeOrphanedLeases } from './leases.ts';

/**
 * Settles the operations whose processes died. One whose every change is in the kernel was complete, and its caller may
 * have been told so; any other is taken back, since nobody was told that it succeeded.
 */
export async function settleInterrupted(context: Context): Promise<void> {
  for (const operation of context.state.unfinished()) {
    const isComplete = await isInKernel(context, operation);
    context.log.warn(isComplete ? 'interrupted operation was complete' : 'interrupted operation taken back', {
      journal: operation.journal,
    });
    if (isComplete) await context.state.settle(operation.journal);
    else await context.state.undo(operation.journal);
    if (!isComplete) await context.state.transact(freeOrphanedLeases);
  }
}

async function isInKernel(context: Context, { scopes }: Interrupted): Promise<boolean> {
  const wanted = context.state.read((view) =>
    scopes.flatMap((scope) => desired(intentOf(context, view, scope))),
  );
  return diff([], wanted, await observe(context.kernel, wanted)).length === 0;
}
