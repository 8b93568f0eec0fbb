import type { Database } from './environment.ts';

interface Waiting {
  readonly run: (database: Database) => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly result: unknown } | { readonly error: unknown };

/** How long a change that nobody waits for is put off. */
const longestDelayMs = 30;

/**
 * Changes that wait for the end of this turn of the event loop, and then share one commit: the disk is flushed once for
 * all of them. Each is a child transaction, so that one that throws leaves the others alone.
 *
 * The commit happens on the event loop, 0.25 ms on a fast disk. lmdb-js can commit on a thread of its own, but takes the
 * lock of all processes before it asks the event loop to run the changes, so that a busy process stops the others; it
 * takes 0.1 ms longer; and when a commit fails it rejects a promise that nobody can handle, which ends the process.
 */
export class ChangeQueue {
  readonly #database: () => Database;
  #waiting: Waiting[] = [];
  #unhurried: Waiting[] = [];

  constructor(database: () => Database) {
    this.#database = database;
  }

  /** Resolves with the change's result when it is on the disk; rejects with what it threw, or with lmdb's error. */
  add<T>(run: (database: Database) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.flush());
      this.#waiting.push({ run, resolve: resolve as (result: unknown) => void, reject });
    });
  }

  /** As `add`, but together with the next change that somebody waits for, or after a while without one. */
  addUnhurried<T>(run: (database: Database) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#unhurried.length === 0) setTimeout(() => this.flush(), longestDelayMs).unref();
      this.#unhurried.push({ run, resolve: resolve as (result: unknown) => void, reject });
    });
  }

  /** Makes the changes that wait, now. */
  flush(): void {
    const batch = [...this.#unhurried, ...this.#waiting];
    if (batch.length === 0) return;
    this.#unhurried = [];
    this.#waiting = [];
    let outcomes: readonly Outcome[];
    try {
      const database = this.#database();
      outcomes = database.transactionSync(() => batch.map(({ run }) => runChild(database, run)));
    } catch (error) {
      outcomes = batch.map(() => ({ error }));
    }
    for (const [index, outcome] of outcomes.entries()) {
      if ('error' in outcome) batch[index]?.reject(outcome.error);
      else batch[index]?.resolve(outcome.result);
    }
  }
}

function runChild(database: Database, run: (database: Database) => unknown): Outcome {
  let outcome: Outcome | undefined;
  try {
    void database.childTransaction(() => {
      outcome = { result: run(database) };
    });
    return outcome ?? { error: new Error('the change did not run') };
  } catch (error) {
    return { error };
  }
}
