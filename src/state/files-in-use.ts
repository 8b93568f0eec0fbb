import { statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { hasSoundHead } from './store-file.ts';

/** One file as it was when it was looked at last. */
interface Seen {
  readonly path: string;
  readonly dev: number;
  readonly ino: number;
  size: number;
  written: number;
}

/**
 * The files that an environment has mapped. Somebody may delete, replace or cut off what lies at their paths: in files
 * that are gone nobody else reads what is written, and a touch of a page that was cut off ends the process (SIGBUS).
 */
export class FilesInUse {
  readonly #directory: string;
  readonly #data: Seen | undefined;
  readonly #lock: Seen | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    this.#data = look(join(directory, 'data.mdb'));
    this.#lock = look(join(directory, 'lock.mdb'));
  }

  /** Whether both are still there, the same, and no shorter; costs five millionths of a second. lmdb never makes one shorter. */
  areIntact(): boolean {
    const written = this.#data?.written;
    if (!isIntact(this.#data) || !isIntact(this.#lock)) return false;
    // A commit, or somebody who writes over it.
    return this.#data?.written === written || hasSoundHead(this.#directory);
  }

  /** What was written since the last look was a commit of one's own. To be called while nobody else commits. */
  noteCommit(): void {
    if (this.#data !== undefined) isIntact(this.#data);
  }

  /** Makes it safe to let go of the locks' file, which closing an environment writes to. */
  prepareClosing(): void {
    const lock = this.#lock;
    if (lock === undefined) return;
    const now = look(lock.path);
    if (now?.ino === lock.ino && now.size < lock.size) truncateSync(lock.path, lock.size);
  }
}

function isIntact(seen: Seen | undefined): boolean {
  if (seen === undefined) return true;
  const now = statSync(seen.path, { throwIfNoEntry: false });
  if (now?.ino !== seen.ino || now.dev !== seen.dev || now.size < seen.size) return false;
  seen.size = now.size;
  seen.written = now.mtimeMs;
  return true;
}

function look(path: string): Seen | undefined {
  const now = statSync(path, { throwIfNoEntry: false });
  return now === undefined
    ? undefined
    : { path, dev: now.dev, ino: now.ino, size: now.size, written: now.mtimeMs };
}
