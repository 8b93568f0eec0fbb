import { mkdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** TMPFS_MAGIC and RAMFS_MAGIC. Source: Linux include/uapi/linux/magic.h, statfs(2). */
const inMemory: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

/**
 * Where the working store of a state lies; undefined if the run directory, which is created, is not in memory: there it
 * would outlive the boot, and cost what the disk costs.
 *
 * @throws errors of `node:fs`
 */
export function workingPlace(directory: string, runDirectory: string | undefined): string | undefined {
  if (runDirectory === undefined) return undefined;
  mkdirSync(runDirectory, { recursive: true, mode: 0o700 });
  return inMemory.has(statfsSync(runDirectory).type) ? workingPath(directory, runDirectory) : undefined;
}

/**
 * As `workingPlace`, whatever is there. Named after the directory itself: in a container it may have another path, and
 * its path may be that of another directory on the host.
 */
export function workingPath(directory: string, runDirectory: string): string {
  const { dev, ino } = statSync(directory, { bigint: true });
  return join(runDirectory, `state-${dev.toString(36)}-${ino.toString(36)}`);
}
