import { mkdirSync, statSync } from 'node:fs';
import { open, type Key as LmdbKey, type RootDatabase, type RootDatabaseOptionsWithPath } from 'lmdb';
import { TsnetError } from '../model/index.ts';
import { beginsWith, type Key } from './keys.ts';
import { refuseNetworkFileSystem } from './network-file-system.ts';
import { refuseForeignFile } from './store-file.ts';
import { fromLmdb, toStoreError } from './store-error.ts';

/** One record as it is stored. */
export interface Entry {
  readonly key: Key;
  readonly bytes: Uint8Array;
}

/** Reads records, all as of the same instant. */
export interface Reader {
  get(key: Key): Uint8Array | undefined;
  /** The records whose keys begin with these parts, in the order of their keys. */
  list(prefix: Key): Entry[];
}

/** Reads and writes records; reads see what was written before. */
export interface Writer extends Reader {
  put(key: Key, bytes: Uint8Array): void;
  remove(key: Key): void;
}

type Database = RootDatabase<Uint8Array>;

/** One lmdb environment, shared by everybody in this process who opened the directory. */
interface Environment {
  database: Database;
  isReadOnly: boolean;
  users: number;
  pending: number;
  readers: number;
}

// A second environment for the same files in one process waits for the first one's lock while the first one waits for
// the event loop: both would stand still for ever. Found by device and inode, because a path can have many names.
const environments = new Map<string, Environment>();

/** Records in a directory, ordered by key. All that the rest of the folder knows of lmdb. */
export class Store {
  readonly #directory: string;
  readonly #identity: string;
  readonly #environment: Environment;
  #isOpen = true;

  private constructor(directory: string, identity: string, environment: Environment) {
    this.#directory = directory;
    this.#identity = identity;
    this.#environment = environment;
  }

  /**
   * Opens the store of a directory; one that is missing is created unless it is opened for reading only.
   *
   * @throws denied without the rights
   * @throws unsupported on a network file system
   * @throws unavailable if the files can't be used
   */
  static open(directory: string, isReadOnly: boolean): Store {
    try {
      if (!isReadOnly) mkdirSync(directory, { recursive: true, mode: 0o700 });
      refuseNetworkFileSystem(directory);
      refuseForeignFile(directory);
      const { dev, ino } = statSync(directory);
      const identity = `${dev}:${ino}`;
      const environment = environments.get(identity) ?? openEnvironment(directory, isReadOnly);
      if (environment.isReadOnly && !isReadOnly) makeWritable(environment, directory);
      environments.set(identity, environment);
      environment.users += 1;
      return new Store(directory, identity, environment);
    } catch (error) {
      throw toStoreError('open state', directory, error);
    }
  }

  /** Asks a question of one snapshot, the newest there is. */
  read<T>(question: (reader: Reader) => T): T {
    const environment = this.#usable();
    // lmdb keeps a snapshot until the event loop turns: another process may have written since.
    if (environment.readers === 0) environment.database.resetReadTxn();
    environment.readers += 1;
    try {
      return question(readerOf(environment.database));
    } catch (error) {
      throw fromLmdb('read state', this.#directory, error);
    } finally {
      environment.readers -= 1;
      if (environment.readers === 0) environment.database.resetReadTxn();
    }
  }

  /**
   * Makes a change, alone among all processes, and resolves when it is on the disk. What it throws leaves nothing
   * changed. Changes that wait at the same time share one disk flush and still fail one by one.
   */
  async transact<T>(change: (writer: Writer) => T): Promise<T> {
    const environment = this.#usable();
    environment.pending += 1;
    try {
      // A plain `transaction()` keeps what its callback wrote before it threw; a child transaction does not.
      return await environment.database.childTransaction(() =>
        runSynchronously(environment.database, change),
      );
    } catch (error) {
      throw fromLmdb('write state', this.#directory, await commitErrorOf(error));
    } finally {
      environment.pending -= 1;
      closeIfUnused(this.#identity, environment);
    }
  }

  /** As `transact`, but waits on the spot: for the time before the event loop has anything else to do. */
  transactNow<T>(change: (writer: Writer) => T): T {
    const { database } = this.#usable();
    try {
      return database.transactionSync(() => runSynchronously(database, change));
    } catch (error) {
      throw fromLmdb('write state', this.#directory, error);
    }
  }

  /** Lets go of the store; changes under way are still completed. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#environment.users -= 1;
    closeIfUnused(this.#identity, this.#environment);
  }

  #usable(): Environment {
    if (!this.#isOpen) throw new TsnetError('bug', `use state in ${this.#directory}: it is closed`);
    return this.#environment;
  }
}

function openEnvironment(directory: string, isReadOnly: boolean): Environment {
  return { database: openDatabase(directory, isReadOnly), isReadOnly, users: 0, pending: 0, readers: 0 };
}

function openDatabase(directory: string, isReadOnly: boolean): Database {
  const options: RootDatabaseOptionsWithPath & { permissionsMode: number } = {
    path: directory,
    readOnly: isReadOnly,
    encoding: 'binary',
    permissionsMode: 0o600,
    // A directory with a dot in its name is taken for a file otherwise.
    noSubdir: false,
    // A commit is on the disk when it is visible and when it resolves, not some time later.
    overlappingSync: false,
  };
  return open(options);
}

// lmdb gives one process one environment per file; opened for reading first, it could never write.
function makeWritable(environment: Environment, directory: string): void {
  void environment.database.close();
  environment.database = openDatabase(directory, false);
  environment.isReadOnly = false;
}

function closeIfUnused(identity: string, environment: Environment): void {
  if (environment.users > 0 || environment.pending > 0 || environments.get(identity) !== environment) return;
  environments.delete(identity);
  void environment.database.close();
}

function runSynchronously<T>(database: Database, change: (writer: Writer) => T): T {
  const result = change(writerOf(database));
  if (result instanceof Promise) {
    throw new TsnetError('bug', 'write state: a transaction must not wait for anything');
  }
  return result;
}

// A failed commit carries its reason in a promise, which is an unhandled rejection unless somebody looks.
async function commitErrorOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (reason) {
    return reason;
  }
}

function readerOf(database: Database): Reader {
  return {
    get: (key) => database.getBinary(toLmdb(key)),
    list: (prefix) => {
      const entries: Entry[] = [];
      for (const { key, value } of database.getRange({ start: toLmdb(prefix) })) {
        if (!beginsWith(key as unknown as Key, prefix)) break;
        entries.push({ key: key as unknown as Key, bytes: value });
      }
      return entries;
    },
  };
}

function writerOf(database: Database): Writer {
  return {
    ...readerOf(database),
    put: (key, bytes) => void database.put(toLmdb(key), bytes),
    remove: (key) => void database.remove(toLmdb(key)),
  };
}

function toLmdb(key: Key): LmdbKey {
  return key as unknown as LmdbKey;
}
