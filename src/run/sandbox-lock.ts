import type { SandboxName } from '../model/index.ts';
import { forgetLock, sandboxLockName, withLock, type Context } from '../network/index.ts';

/**
 * Runs something while nobody else makes, ends or connects the sandbox of that name. Taken before the locks of networks;
 * that of the hosts files comes last.
 *
 * @throws try-again after 30 s
 */
export function withSandboxLock<T>(
  { state, runDirectory }: Context,
  name: SandboxName,
  action: () => Promise<T>,
): Promise<T> {
  const lock = sandboxLockName(name);
  return withLock(runDirectory, lock, async () => {
    try {
      return await action();
    } finally {
      // Most names are never used again.
      if (state.read((view) => view.sandbox(name)) === undefined) forgetLock(runDirectory, lock);
    }
  });
}
