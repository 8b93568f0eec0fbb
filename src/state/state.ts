import { TsnetError } from '../model/index.ts';
import { dump, type Dump } from './dump.ts';
import {
  authorOf,
  deleteJournal,
  putJournal,
  type Author,
  type Interrupted,
  type JournalId,
} from './journal.ts';
import { readLostRecords, writeLostRecords, type LostRecords } from './lost-records.ts';
import { openForReading, openForWriting, type Stores } from './open-stores.ts';
import { thisProcess, type ProcessIdentity } from './process-identity.ts';
import { removeStores } from './remove-stores.ts';
import type { Reader, Writer } from './store.ts';
import { SupersededError } from './superseded-error.ts';
import { StateTransaction } from './transaction.ts';
import { undoJournal } from './undo-journal.ts';
import { StateView } from './view.ts';

/** Where the state is and who asks. */
export interface StateOptions {
  /** Created with mode 0700 if it is missing, unless the state is opened for reading only. */
  readonly directory: string;
  /**
   * Where all records lie while this boot lasts if it is in memory, such as `/run/tsnet`; the disk then holds only what
   * outlives the boot. Absent or on a disk: everything is written to the disk. Who opens the state first decides.
   */
  readonly runDirectory?: string;
  /** Tells this boot of the host from every other: `/proc/sys/kernel/random/boot_id`. */
  readonly bootId: string;
  /** Never writes, creates nothing, and takes no lock; a state that is missing looks empty. */
  readonly readOnly?: boolean;
  /** Told what was lost or damaged and what came in its place, in words for a log. */
  readonly warn?: (message: string, fields: Readonly<Record<string, unknown>>) => void;
  /** Whose operations these are, until they are complete; absent means this process. */
  readonly process?: ProcessIdentity;
}

/** Ends a transaction that was only to look at. */
class Preview extends Error {
  answer?: unknown;
}

/** How often a change is tried whose stores are replaced while it waits. */
const mostAttempts = 5;

const emptyReader: Reader = { get: () => undefined, stored: () => undefined, list: () => [] };

/**
 * What is decided. Any number of processes may have it open at once; nothing is remembered between
 * transactions, so each sees what the others did.
 */
export class State implements Disposable {
  readonly #options: StateOptions;
  readonly #author: Author;
  #stores: Stores | undefined;

  private constructor(options: StateOptions) {
    this.#options = options;
    this.#author = authorOf(options.process ?? thisProcess());
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

  /**
   * Removes all records of a state that nobody has open, wherever they lie. Other files in the directories stay.
   *
   * @throws denied without the rights; unavailable
   */
  static remove(directory: string, runDirectory: string): void {
    removeStores(directory, runDirectory);
  }

  /** Asks a question of one snapshot: what it reads fits together, and nobody waits for it. */
  read<T>(question: (view: StateView) => T): T {
    return this.#read((reader) => question(new StateView(reader, this.#options.bootId, this.#author)));
  }

  /**
   * Makes a change, alone among all processes, and resolves when no kill can undo it, and no loss of
   * power what outlives the boot. What the change throws leaves nothing
   * changed. It must not wait for anything: everybody else waits for it.
   *
   * @throws what `change` throws
   * @throws unavailable if the disk refuses
   */
  async transact<T>(change: (tx: StateTransaction) => T): Promise<T> {
    return this.#transact((writer) => change(this.#transaction(writer)));
  }

  /**
   * As `transact`, and writes down what was before, until `settle` or `undo`.
   *
   * @returns no `undo` where nothing was changed
   */
  async transactUndoable<T>(
    change: (tx: StateTransaction) => T,
  ): Promise<{ readonly result: T; readonly undo: JournalId | undefined }> {
    return this.#transact((writer) => {
      const tx = this.#transaction(writer);
      const result = change(tx);
      return { result, undo: putJournal(writer, this.#options.bootId, this.#author, tx.images) };
    });
  }

  /** The operation is complete: nobody will ask for what was before. */
  async settle(journal: JournalId | undefined): Promise<void> {
    if (journal === undefined) return;
    await this.#transact((writer) => deleteJournal(writer, journal));
  }

  /** As `settle`, for who does not wait: it is written with the next change, or after a moment without one. */
  async settleUnhurried(journal: JournalId | undefined): Promise<void> {
    if (journal === undefined) return;
    await this.#write((stores) =>
      stores.working.transactUnhurried((writer) => deleteJournal(writer, journal)),
    );
  }

  /** Puts back what was before, but what others have changed since. Once settled or undone there is nothing to do. */
  async undo(journal: JournalId | undefined): Promise<void> {
    if (journal === undefined) return;
    await this.#transact((writer) => undoJournal(writer, journal, this.#options.bootId));
  }

  /** Asks a question as if `undo` had been called, and changes nothing. */
  async previewUndo<T>(journal: JournalId, question: (view: StateView) => T): Promise<T> {
    const preview = new Preview();
    await this.#transact((writer) => {
      undoJournal(writer, journal, this.#options.bootId);
      preview.answer = question(this.#transaction(writer));
      throw preview;
    }).catch((thrown: unknown) => {
      if (thrown !== preview) throw thrown;
    });
    return preview.answer as T;
  }

  /** The operations that were interrupted, oldest first: their processes ended without `settle` or `undo`. */
  unfinished(): Interrupted[] {
    return this.read((view) => view.unfinished());
  }

  /** What the state was begun without in this boot; undefined if nothing, or if all of it was found again. */
  lostRecords(): LostRecords | undefined {
    return this.#read((reader) => readLostRecords(reader, this.#options.bootId));
  }

  /** Notes, in one change with what was found again, what of that is still missing; undefined: nothing. */
  async recordFound(lost: LostRecords | undefined, change: (tx: StateTransaction) => void): Promise<void> {
    await this.#transact((writer) => {
      change(this.#transaction(writer));
      writeLostRecords(writer, this.#options.bootId, lost);
    });
  }

  /** False for a reader as long as there are no records, and nothing tells that there were. */
  isThere(): boolean {
    return this.#connect() !== undefined;
  }

  /** Every record as it is stored, as JSON values. */
  dump(): Dump {
    return this.#read(dump);
  }

  /** Lets go of the files; changes under way are still completed. */
  [Symbol.dispose](): void {
    this.#stores?.close();
  }

  #transaction(writer: Writer): StateTransaction {
    return new StateTransaction(writer, this.#options.bootId, this.#author);
  }

  #read<T>(question: (reader: Reader) => T): T {
    for (let attempt = 1; ; attempt++) {
      try {
        const stores = this.#connect();
        return stores === undefined ? question(emptyReader) : stores.working.read(question);
      } catch (error) {
        if (!(error instanceof SupersededError) || attempt === mostAttempts) throw error;
      }
    }
  }

  async #transact<T>(change: (writer: Writer) => T): Promise<T> {
    return this.#write((stores) => stores.working.transact(change));
  }

  async #write<T>(write: (stores: Stores) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await write(this.#writable());
      } catch (error) {
        if (!(error instanceof SupersededError) || attempt === mostAttempts) throw error;
        this.#connect();
      }
    }
  }

  /** Perhaps not those in use any more: every commit looks for itself. */
  #writable(): Stores {
    const stores = this.#options.readOnly === true ? undefined : (this.#stores ?? this.#connect());
    if (stores !== undefined) return stores;
    throw new TsnetError('bug', `write state in ${this.#options.directory}: it was opened for reading only`);
  }

  /** The stores in use; undefined as long as there are none and this is only a reader. */
  #connect(): Stores | undefined {
    if (this.#stores?.isCurrent() === true) return this.#stores;
    this.#stores?.close();
    // Opening may fail, and is tried again by the next who asks.
    this.#stores = undefined;
    this.#stores =
      this.#options.readOnly === true ? openForReading(this.#options) : openForWriting(this.#options);
    return this.#stores;
  }
}
