import { TsnetError } from '../model/index.ts';
import { enterBoot, isOfBoot } from './boot.ts';
import { dump, type Dump } from './dump.ts';
import {
  deleteJournal,
  newJournalId,
  putJournal,
  undoJournal,
  unfinishedJournals,
  type Interrupted,
  type JournalId,
} from './journal.ts';
import { hasStore } from './store-file.ts';
import { Store, type Reader, type Writer } from './store.ts';
import { StateTransaction } from './transaction.ts';
import { StateView } from './view.ts';

/** Where the state is and who asks. */
export interface StateOptions {
  /** Created with mode 0700 if it is missing, unless the state is opened for reading only. */
  readonly directory: string;
  /** Tells this boot of the host from every other: `/proc/sys/kernel/random/boot_id`. */
  readonly bootId: string;
  /** Never writes, creates nothing, and takes no lock; a state that is missing looks empty. */
  readonly readOnly?: boolean;
}

const emptyReader: Reader = { get: () => undefined, list: () => [] };

/**
 * What is decided, on the disk. Any number of processes may have it open at once; nothing is remembered between
 * transactions, so each sees what the others did.
 */
export class State implements Disposable {
  readonly #options: StateOptions;
  #store: Store | undefined;

  private constructor(options: StateOptions) {
    this.#options = options;
  }

  /**
   * Opens the state of a directory. The first to open it after a boot drops what described kernel objects of earlier ones.
   *
   * @throws denied without the rights
   * @throws unsupported if a newer tsnet wrote it, or on a network file system
   * @throws unavailable if the files can't be used
   */
  static open(options: StateOptions): State {
    const state = new State(options);
    try {
      state.#connect();
      return state;
    } catch (error) {
      state[Symbol.dispose]();
      throw error;
    }
  }

  /** Asks a question of one snapshot: what it reads fits together, and nobody waits for it. */
  read<T>(question: (view: StateView) => T): T {
    return this.#read((reader) => question(new StateView(reader, this.#options.bootId)));
  }

  /**
   * Makes a change, alone among all processes, and resolves when it is on the disk. What the change throws leaves nothing
   * changed. It must not wait for anything: everybody else waits for it.
   *
   * @throws what `change` throws
   * @throws unavailable if the disk refuses
   */
  async transact<T>(change: (tx: StateTransaction) => T): Promise<T> {
    return this.#transact((writer) => change(new StateTransaction(writer, this.#options.bootId)));
  }

  /** As `transact`, and writes down what networks, endpoints and ports were before, until `settle` or `undo`. */
  async transactUndoable<T>(
    change: (tx: StateTransaction) => T,
  ): Promise<{ readonly result: T; readonly undo: JournalId }> {
    const undo = newJournalId();
    const result = await this.#transact((writer) => {
      const tx = new StateTransaction(writer, this.#options.bootId);
      const value = change(tx);
      putJournal(writer, undo, this.#options.bootId, tx.images);
      return value;
    });
    return { result, undo };
  }

  /** The operation is complete: nobody will ask for what was before. */
  async settle(journal: JournalId): Promise<void> {
    await this.#transact((writer) => deleteJournal(writer, journal));
  }

  /** As `settle`, for who does not wait: it is written with the next change, or after a moment without one. */
  async settleUnhurried(journal: JournalId): Promise<void> {
    await this.#writable().transactUnhurried((writer) => deleteJournal(writer, journal));
  }

  /** Puts back what was before. Once settled or undone there is nothing to do. */
  async undo(journal: JournalId): Promise<void> {
    await this.#transact((writer) => undoJournal(writer, journal, this.#options.bootId));
  }

  /** The operations that were interrupted, oldest first: their processes ended without `settle` or `undo`. */
  unfinished(): Interrupted[] {
    return this.#read((reader) => unfinishedJournals(reader, this.#options.bootId));
  }

  /** Every record as it is stored, as JSON values. */
  dump(): Dump {
    return this.#read(dump);
  }

  /** Lets go of the files; changes under way are still completed. */
  [Symbol.dispose](): void {
    this.#store?.close();
  }

  #read<T>(question: (reader: Reader) => T): T {
    const store = this.#connect();
    return store === undefined ? question(emptyReader) : store.read(question);
  }

  async #transact<T>(change: (writer: Writer) => T): Promise<T> {
    return this.#writable().transact(change);
  }

  #writable(): Store {
    const store = this.#connect();
    if (store !== undefined && this.#options.readOnly !== true) return store;
    throw new TsnetError('bug', `write state in ${this.#options.directory}: it was opened for reading only`);
  }

  /** The store; undefined as long as there is none and this is only a reader. */
  #connect(): Store | undefined {
    if (this.#store !== undefined) return this.#store;
    const { directory, bootId, readOnly = false } = this.#options;
    if (readOnly && !hasStore(directory)) return undefined;
    const store = Store.open(directory, readOnly);
    this.#store = store;
    const isCurrent = store.read((reader) => isOfBoot(reader, bootId));
    if (!isCurrent && !readOnly) store.transactNow((writer) => enterBoot(writer, bootId));
    return store;
  }
}
