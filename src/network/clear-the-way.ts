import { TsnetError } from '../model/index.ts';
import type { Context } from './context.ts';
import { recover } from './recover.ts';
import { sweepOrphans } from './sweep-orphans.ts';

/**
 * Runs an operation, and again where it failed for something that nobody has, once for each kind of failure: what an
 * interrupted operation holds, what belongs to an endpoint that does not exist, a link of ours without a record; or because
 * the kernel lacks what everything stands on, say because somebody flushed all rules. The operation must leave nothing
 * when it fails, and hold no lock.
 *
 * @throws what the operation throws
 */
export async function clearingTheWay<T>(context: Context, operation: () => Promise<T>): Promise<T> {
  const cleared = new Set<string>();
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof TsnetError) || cleared.has(error.kind)) throw error;
      cleared.add(error.kind);
      if (!(await clear(context, error))) throw error;
    }
  }
}

/** @returns whether there was anything in the way */
async function clear(context: Context, error: TsnetError): Promise<boolean> {
  if (error.kind === 'drift') {
    context.log.warn('the kernel is recovered', { because: error.message });
    await recover(context);
    return true;
  }
  if (error.kind !== 'conflict' && error.kind !== 'exhausted') return false;
  const swept = await sweepOrphans(context);
  for (const line of swept) context.log.warn('nobody has it any more', { swept: line });
  return swept.length > 0;
}
