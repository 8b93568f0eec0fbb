import { statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { native } from '../kernel/native.ts';
import { hasSoundHead } from './store-file.ts';

/**
 * The files that an environment has mapped. Somebody may delete, replace or cut off what lies at their paths: in files
 * that are gone nobody else reads what is written, and a touch of a page that was cut off ends the process (SIGBUS).
 */
export class FilesInUse {
  readonly #directory: string;
  readonly #data: FileInUse;
  readonly #lock: FileInUse;

  constructor(directory: string) {
    this.#directory = directory;
    this.#data = new FileInUse(join(directory, 'data.mdb'));
    this.#lock = new FileInUse(join(directory, 'lock.mdb'));
  }

  /** Whether both are still there, the same, and no shorter; costs 0.003 ms. lmdb never makes one shorter. */
  areIntact(): boolean {
    const { written } = this.#data;
    if (!this.#data.isIntact() || !this.#lock.isIntact()) return false;
    // A commit of others, or somebody who writes over it.
    return this.#data.written === written || hasSoundHead(this.#directory);
  }

  /** What was written since the last look was a commit of one's own. To be called while nobody else commits. */
  noteCommit(): void {
    this.#data.isIntact();
  }

  /** Makes it safe to let go of the locks' file, which closing an environment writes to. */
  prepareClosing(): void {
    this.#lock.restoreLength();
  }
}

/** One file as it was when it was looked at last. One that was not there then is never missed. */
class FileInUse {
  readonly #path: string;
  readonly #now = new Float64Array(4);
  readonly #isThere: boolean;
  readonly #device: number;
  readonly #inode: number;
  #size: number;
  /** Milliseconds since 1970. */
  written: number;

  constructor(path: string) {
    this.#path = path;
    this.#isThere = native().stampFile(path, this.#now);
    [this.#device = 0, this.#inode = 0, this.#size = 0, this.written = 0] = this.#now;
  }

  isIntact(): boolean {
    if (!this.#isThere) return true;
    native().stampFile(this.#path, this.#now);
    const now = this.#now;
    if (now[0] !== this.#device || now[1] !== this.#inode) return false;
    const size = now[2] ?? 0;
    if (size < this.#size) return false;
    this.#size = size;
    this.written = now[3] ?? 0;
    return true;
  }

  restoreLength(): void {
    if (!this.#isThere) return;
    const now = statSync(this.#path, { throwIfNoEntry: false });
    if (now?.ino === this.#inode && now.size < this.#size) truncateSync(this.#path, this.#size);
  }
}
