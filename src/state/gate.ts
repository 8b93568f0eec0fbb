import { closeSync, openSync } from 'node:fs';
import { native } from '../kernel/native.ts';

/**
 * Keeps the opening of an environment and every commit to it apart, over all processes.
 *
 * lmdb-js 3.5.6 reads at opening which transaction was the last, and writes that down for all processes a moment later
 * (`mdb_env_open2` in its `mdb.c`, without a lock): commits of others in between are lost and the next one may write over
 * pages in use. Seen once in some hundred openings beside a busy writer.
 *
 * The lock is flock(2) on the directory itself: nothing is created, those who only read can take it, and a killed process
 * holds nothing. It costs 2 µs.
 */
export class Gate {
  readonly #descriptor: number;
  #depth = 0;
  #isClosed = false;

  /** @throws errors of `node:fs` */
  constructor(directory: string) {
    this.#descriptor = openSync(directory, 'r');
  }

  /** Runs an action that nobody else is at; within itself it may come again. Waits as long as it takes. */
  through<T>(action: () => T): T {
    if (this.#depth === 0) native().flockNow(this.#descriptor, 'exclusive');
    this.#depth += 1;
    try {
      return action();
    } finally {
      this.#depth -= 1;
      if (this.#depth === 0 && !this.#isClosed) native().flockNow(this.#descriptor, 'unlock');
    }
  }

  /** Lets go of the directory. */
  close(): void {
    this.#isClosed = true;
    closeSync(this.#descriptor);
  }
}
