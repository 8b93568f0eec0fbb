import { statSync } from 'node:fs';
import { open, type RootDatabase, type RootDatabaseOptionsWithPath } from 'lmdb';
import { ensureOwnFolder } from '../kernel/own-folder.ts';
import { Gate } from './gate.ts';
import { FilesInUse } from './files-in-use.ts';
import { refuseNetworkFileSystem } from './network-file-system.ts';
import { DamagedStoreError, verifyStoreFile } from './store-file.ts';
import { SupersededError } from './superseded-error.ts';

/** The one database of an environment. */
export type Database = RootDatabase<Uint8Array>;

// lmdb gives one process one environment for one file, with the rights and the locks of the first who opened it: whoever
// opens it again shares it. Found by device and inode, because a path can have many names.
const environments = new Map<string, Environment>();

/** How an environment is opened. */
export interface EnvironmentOptions {
  /** Creates nothing and writes nothing. */
  readonly isReadOnly: boolean;
  /** Lies in memory: there is nothing to flush. What a killed process wrote is as whole as on a disk. */
  readonly isVolatile: boolean;
}

/** The lmdb environment of a directory, shared by everybody in this process who opened it. */
export class Environment {
  readonly #identity: string;
  readonly #gate: Gate;
  #users = 0;
  #isReadOnly: boolean;
  #database: Database;
  #files: FilesInUse;
  #depth = 0;
  #isGone = false;

  private constructor(identity: string, directory: string, options: EnvironmentOptions) {
    this.#identity = identity;
    this.#isReadOnly = options.isReadOnly;
    this.#gate = new Gate(directory);
    [this.#database, this.#files] = this.#open(directory, options);
  }

  /**
   * The environment of a directory; what is missing is created, unless it is for reading only.
   *
   * @throws unsupported on a network file system; unavailable for a file that is no store; errors of lmdb and `node:fs`
   */
  static acquire(directory: string, options: EnvironmentOptions): Environment {
    const { isReadOnly } = options;
    if (!isReadOnly) ensureOwnFolder(directory);
    refuseNetworkFileSystem(directory);
    const { dev, ino } = statSync(directory);
    const identity = `${dev}:${ino}`;
    const known = environments.get(identity);
    if (known?.isIntact() === false) known.#abandon();
    const environment = environments.get(identity) ?? new Environment(identity, directory, options);
    if (!isReadOnly) environment.#makeWritable(directory, options);
    environments.set(identity, environment);
    environment.#users += 1;
    return environment;
  }

  /** Whether its files are still those at their paths, and as long as they were. */
  isIntact(): boolean {
    return !this.#isGone && this.#files.areIntact();
  }

  /** Whether it was closed because its files were taken away. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /**
   * Commits what is written in the callback, or nothing if it throws; alone among all processes.
   *
   * @throws SupersededError if somebody deleted, replaced or cut off the files
   */
  write<T>(change: (database: Database) => T): T {
    return this.#gate.through(() =>
      this.#using(() => {
        const result = this.#database.transactionSync(() => change(this.#database));
        this.#files.noteCommit();
        return result;
      }),
    );
  }

  /**
   * Asks a question of one snapshot, the newest there is; a question within a question has the same snapshot.
   *
   * @throws as `write`
   */
  read<T>(question: (database: Database) => T): T {
    return this.#using(() => {
      // lmdb keeps a snapshot until the event loop turns: another process may have written since.
      if (this.#depth === 1) this.#database.resetReadTxn();
      try {
        return question(this.#database);
      } finally {
        if (this.#depth === 1) this.#database.resetReadTxn();
      }
    });
  }

  /** Closes the environment if nobody else uses it. */
  release(): void {
    this.#users -= 1;
    if (this.#users > 0 || this.#isGone) return;
    if (this.#files.areIntact()) this.#close();
    else this.#abandon();
  }

  /** Runs what touches the mapped files, unless they were taken away. */
  #using<T>(action: () => T): T {
    if (this.#depth === 0 && !this.isIntact()) {
      this.#abandon();
      throw new SupersededError('its files were deleted, replaced or cut off');
    }
    this.#depth += 1;
    try {
      return action();
    } finally {
      this.#depth -= 1;
    }
  }

  /** Closes it although others use it: for them it is gone as well, and they open it again. */
  #abandon(): void {
    if (this.#isGone) return;
    this.#files.prepareClosing();
    this.#close();
  }

  #close(): void {
    this.#isGone = true;
    if (environments.get(this.#identity) === this) environments.delete(this.#identity);
    void this.#database.close();
    this.#gate.close();
  }

  /** Whoever looks at the pages does so while nobody commits. */
  #open(directory: string, options: EnvironmentOptions): readonly [Database, FilesInUse] {
    return this.#gate.through(() => {
      const facts = verifyStoreFile(directory);
      if (facts === undefined && options.isReadOnly) {
        throw new DamagedStoreError(directory, 'it is empty');
      }
      return [openDatabase(directory, options), new FilesInUse(directory)];
    });
  }

  #makeWritable(directory: string, options: EnvironmentOptions): void {
    if (!this.#isReadOnly) return;
    void this.#database.close();
    [this.#database, this.#files] = this.#open(directory, options);
    this.#isReadOnly = false;
  }
}

function openDatabase(directory: string, { isReadOnly, isVolatile }: EnvironmentOptions): Database {
  const options: RootDatabaseOptionsWithPath & { permissionsMode: number } = {
    path: directory,
    readOnly: isReadOnly,
    encoding: 'binary',
    permissionsMode: 0o600,
    // A directory with a dot in its name is taken for a file otherwise.
    noSubdir: false,
    // What is visible is on the disk already, not some time later.
    overlappingSync: false,
    noSync: isVolatile,
  };
  return open(options);
}
