import { toTsnetError, withSuppressed } from '../../model/index.ts';
import { detach } from '../../network/index.ts';
import { releaseAll } from './ipam.ts';
import type { Request } from './request.ts';
import type { Operation } from './verbs.ts';

/**
 * Ends an attachment. What is to be ended follows from its record, not from the namespace, which may be gone, nor from the
 * rest of the configuration, which may have changed; so what is missing is success.
 */
export function del(request: Request): Operation {
  return async (context) => {
    await endAll([() => detach(context, request.network, request.id), () => releaseAll(context, request)]);
    return undefined;
  };
}

/** Takes every step, whatever fails, and throws the first failure with the others beside it. */
export async function endAll(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  if (failures.length === 0) return;
  const [first, ...others] = failures;
  throw withSuppressed(toTsnetError(first), others);
}
