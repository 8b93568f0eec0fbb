import { closeSync, fstatSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openLockFile } from '../kernel/lock-file.ts';
import { native } from '../kernel/native.ts';
import { TsnetError } from '../model/index.ts';

const waitMs = 30_000;

/**
 * Runs something while no other operation, of this process or another, holds the lock of that name.
 *
 * flock(2) locks belong to the open file, not to the process, so the same call keeps apart two operations of the
 * daemon and an operation of the daemon and one of the command line. Locks of a killed process are free at once.
 *
 * @param name letters, digits, dots and dashes: a network's id
 * @throws try-again when the lock is not free within 30 s
 */
export async function withLock<T>(runDirectory: string, name: string, action: () => Promise<T>): Promise<T> {
  const path = join(runDirectory, 'locks', name);
  for (;;) {
    const descriptor = openLockFile(path);
    try {
      await native()
        .flock(descriptor, 'exclusive', waitMs)
        .catch((cause: unknown) => {
          throw new TsnetError(
            'try-again',
            `lock ${name}: another operation has held it for ${waitMs / 1000} s`,
            {
              subject: name,
              cause,
            },
          );
        });
      // The holder before us may have removed the file: then ours is a lock nobody else can see.
      if (isLinked(descriptor)) return await action();
    } finally {
      closeSync(descriptor);
    }
  }
}

/** Holds several locks, taken in the order given: the same everywhere, so that no two can wait for each other. */
export async function withLocks<T>(
  runDirectory: string,
  names: readonly string[],
  action: () => Promise<T>,
): Promise<T> {
  const [first, ...rest] = names;
  if (first === undefined) return action();
  return withLock(runDirectory, first, () => withLocks(runDirectory, rest, action));
}

/** Removes the file of a lock that the caller holds and that nobody will need again. */
export function forgetLock(runDirectory: string, name: string): void {
  rmSync(join(runDirectory, 'locks', name), { force: true });
}

/**
 * Removes the file of a lock that nobody holds or needs. A lock that somebody holds is left to its holder.
 *
 * @param isNeeded asked while the lock is held, so that nobody begins to need it meanwhile
 */
export async function forgetLockUnless(
  runDirectory: string,
  name: string,
  isNeeded: () => boolean,
): Promise<void> {
  const descriptor = openLockFile(join(runDirectory, 'locks', name));
  try {
    await native().flock(descriptor, 'exclusive', 0);
    if (isLinked(descriptor) && !isNeeded()) forgetLock(runDirectory, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ETIMEDOUT')) throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** Files of locks are removed, never renamed. */
function isLinked(descriptor: number): boolean {
  return fstatSync(descriptor).nlink > 0;
}
