import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { TsnetError } from '../model/index.ts';
import type { NetnsId, NetnsView } from '../observe/host/index.ts';

/** Files that lead to a namespace, or led there when it was looked at. */
export function doorsOf({ paths, processes }: NetnsView): string[] {
  return [...paths, ...processes.map(({ pid }) => `/proc/${pid}/ns/net`)];
}

/**
 * Gives a path to the very namespace that was inspected, which stays valid while `use` runs; undefined for the
 * process's own.
 *
 * @param doors of which one may lead to another namespace by now
 * @throws not-found when none leads there any more, and what `use` throws
 */
export function throughDoor<Result>(
  id: NetnsId,
  doors: readonly string[],
  use: (path: string | undefined) => Result,
): Result {
  const inode = Number(id.slice('net:'.length));
  if (statSync('/proc/self/ns/net').ino === inode) return use(undefined);
  for (const door of doors) {
    let descriptor: number;
    try {
      descriptor = openSync(door, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    } catch {
      continue;
    }
    try {
      if (fstatSync(descriptor).ino === inode) return use(`/proc/self/fd/${descriptor}`);
    } finally {
      closeSync(descriptor);
    }
  }
  throw new TsnetError('not-found', `enter the network namespace ${id}: nothing leads there any more`);
}
