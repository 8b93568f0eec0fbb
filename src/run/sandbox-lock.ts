import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxName } from '../model/index.ts';
import { forgetLock, withLock, type Context } from '../network/index.ts';

const prefix = 'sandbox-';

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
  const lock = `${prefix}${name}`;
  return withLock(runDirectory, lock, async () => {
    try {
      return await action();
    } finally {
      // Most names are never used again.
      if (state.read((view) => view.sandbox(name)) === undefined) forgetLock(runDirectory, lock);
    }
  });
}

/** Removes the locks of names that nobody has: who was killed left them. */
export async function forgetStrayLocks(context: Context): Promise<void> {
  const known = context.state.read((view) => new Set<string>(view.sandboxes().map(({ name }) => name)));
  const names = readdirSync(join(context.runDirectory, 'locks'))
    .filter((lock) => lock.startsWith(prefix))
    .map((lock) => lock.slice(prefix.length));
  // Whoever holds such a lock goes first, and may have recorded its name by then.
  for (const name of names) {
    if (!known.has(name)) await withSandboxLock(context, name as SandboxName, () => Promise.resolve());
  }
}
