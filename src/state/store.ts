import type { Key as LmdbKey } from 'lmdb';
import { TsnetError } from '../model/index.ts';
import { ChangeQueue } from './change-queue.ts';
import { Environment, type Database, type EnvironmentOptions } from './environment.ts';
import { beginsWith, formatKey, type Key } from './keys.ts';
import { KnownLists } from './known-lists.ts';
import type { Envelope } from './records.ts';
import { seal, unseal } from './seal.ts';
import { fromLmdb, toStoreError } from './store-error.ts';
import { DamagedRecordError } from './store-file.ts';

/** One record as it is stored. */
export interface Entry {
  readonly key: Key;
  readonly bytes: Uint8Array;
  /** What the bytes say, where it is known already. */
  readonly envelope?: Envelope;
}

/** Reads records, all as of the same instant. */
export interface Reader {
  get(key: Key): Uint8Array | undefined;
  /** A record as it lies there, whole or not: only to be compared with what it was. */
  stored(key: Key): Uint8Array | undefined;
  /** The records whose keys begin with these parts, in the order of their keys; without parts, all of them. */
  list(prefix: Key | readonly []): readonly Entry[];
}

/** Reads and writes records; reads see what was written before. */
export interface Writer extends Reader {
  put(key: Key, bytes: Uint8Array): void;
  remove(key: Key): void;
}

/** Takes part in every commit of a store, while the lock of all processes is held. What it throws ends the commit. */
export interface Companion {
  /** Before the first change. */
  begin(reader: Reader): void;
  /** After the last change, with the keys that were written. */
  finish(writer: Writer, written: readonly Key[]): void;
}

/** Records in a directory, ordered by key. */
export class Store {
  readonly #directory: string;
  readonly #environment: Environment;
  readonly #queue: ChangeQueue;
  readonly #written: Key[] = [];
  readonly #lists = new KnownLists();
  #companion: Companion | undefined;
  #isOpen = true;

  private constructor(directory: string, environment: Environment, isVolatile: boolean) {
    this.#directory = directory;
    this.#environment = environment;
    this.#queue = new ChangeQueue((write) => this.#commit(write), isVolatile);
  }

  /**
   * Opens the store of a directory; one that is missing is created, unless it is opened for reading only.
   *
   * @throws denied without the rights
   * @throws unsupported on a network file system
   * @throws unavailable if the files can't be used
   */
  static open(directory: string, options: EnvironmentOptions): Store {
    try {
      return new Store(directory, Environment.acquire(directory, options), options.isVolatile);
    } catch (error) {
      throw toStoreError('open state', directory, error);
    }
  }

  /** From now on every commit of this object is that of a companion as well. */
  accompany(companion: Companion): void {
    this.#companion = companion;
  }

  /** Asks a question of one snapshot, the newest there is. */
  read<T>(question: (reader: Reader) => T): T {
    const environment = this.#usable();
    try {
      return environment.read((database) => question(this.#readerOf(database)));
    } catch (error) {
      throw fromLmdb('read state', this.#directory, error);
    }
  }

  /**
   * Makes a change, alone among all processes, and resolves when it is on the disk. What it throws leaves nothing changed.
   */
  async transact<T>(change: (writer: Writer) => T): Promise<T> {
    this.#usable();
    try {
      return await this.#queue.add((database) => this.#run(database, change));
    } catch (error) {
      throw fromLmdb('write state', this.#directory, error);
    }
  }

  /** As `transact`, but together with the next change that somebody waits for, or after a while without one. */
  async transactUnhurried(change: (writer: Writer) => void): Promise<void> {
    this.#usable();
    try {
      return await this.#queue.addUnhurried((database) => this.#run(database, change));
    } catch (error) {
      throw fromLmdb('write state', this.#directory, error);
    }
  }

  /** As `transact`, on the spot. */
  transactNow<T>(change: (writer: Writer) => T): T {
    this.#usable();
    try {
      return this.#commit((database) => this.#run(database, change));
    } catch (error) {
      throw fromLmdb('write state', this.#directory, error);
    }
  }

  /** How many records of each kind there are, and the keys of those that are not as they were written. */
  audit(): { readonly records: Readonly<Record<string, number>>; readonly damaged: string[] } {
    const records: Record<string, number> = {};
    const damaged: string[] = [];
    this.#usable().read((database) => {
      for (const { key, value } of database.getRange({})) {
        const parts = key as unknown as Key;
        if (unseal(parts, value) === undefined) damaged.push(formatKey(parts));
        else records[parts[0]] = (records[parts[0]] ?? 0) + 1;
      }
    });
    return { records, damaged };
  }

  /** Whether its files are still those at their paths, and as long as they were. */
  isIntact(): boolean {
    return this.#environment.isIntact();
  }

  /** Whether a use has found that its files were taken away; does not look itself. */
  get isGone(): boolean {
    return this.#environment.isGone;
  }

  /** Completes the changes under way and lets go of the store. */
  close(): void {
    if (!this.#isOpen) return;
    this.#queue.flush();
    this.#isOpen = false;
    this.#environment.release();
  }

  #commit<T>(write: (database: Database) => T): T {
    let followLists: (() => void) | undefined;
    const result = this.#environment.write((database) => {
      this.#written.length = 0;
      this.#companion?.begin(this.#storedOf(database));
      const written = write(database);
      this.#companion?.finish(this.#writerOf(database), this.#written);
      if (this.#lists.concerns(this.#written)) {
        followLists = this.#lists.mark(this.#writerOf(database), this.#written);
      }
      return written;
    });
    followLists?.();
    return result;
  }

  #run<T>(database: Database, change: (writer: Writer) => T): T {
    const result = change(this.#writerOf(database));
    if (result instanceof Promise) {
      throw new TsnetError('bug', 'write state: a transaction must not wait for anything');
    }
    return result;
  }

  #readerOf(database: Database): Reader {
    const reader = this.#storedOf(database);
    return { ...reader, list: (prefix) => this.#lists.list(reader, prefix) ?? reader.list(prefix) };
  }

  #writerOf(database: Database): Writer {
    const [committed, reader] = [this.#readerOf(database), this.#storedOf(database)];
    return {
      ...reader,
      // What this commit has written itself is in no list yet.
      list: (prefix) => (this.#lists.concerns(this.#written) ? reader : committed).list(prefix),
      put: (key, bytes) => {
        this.#written.push(key);
        void database.put(toLmdb(key), seal(key, bytes));
      },
      remove: (key) => {
        this.#written.push(key);
        void database.remove(toLmdb(key));
      },
    };
  }

  #storedOf(database: Database): Reader {
    return {
      get: (key) => {
        const stored = database.getBinary(toLmdb(key));
        return stored === undefined ? undefined : this.#opened(key, stored);
      },
      stored: (key) => database.getBinary(toLmdb(key)),
      list: (prefix) => {
        const entries: Entry[] = [];
        const range = prefix.length === 0 ? {} : { start: toLmdb(prefix) };
        for (const { key: stored, value } of database.getRange(range)) {
          const key = stored as unknown as Key;
          if (!beginsWith(key, prefix)) break;
          entries.push({ key, bytes: this.#opened(key, value) });
        }
        return entries;
      },
    };
  }

  #opened(key: Key, stored: Uint8Array): Uint8Array {
    const bytes = unseal(key, stored);
    if (bytes === undefined) throw new DamagedRecordError(this.#directory, formatKey(key));
    return bytes;
  }

  #usable(): Environment {
    if (!this.#isOpen) throw new TsnetError('bug', `use state in ${this.#directory}: it is closed`);
    return this.#environment;
  }
}

function toLmdb(key: Key | readonly []): LmdbKey {
  return key as unknown as LmdbKey;
}
