import { statSync } from 'node:fs';
import { open, type RootDatabase, type RootDatabaseOptionsWithPath } from 'lmdb';
import { ensureOwnFolder } from '../kernel/own-folder.ts';
import { Gate } from './gate.ts';
import { refuseNetworkFileSystem } from './network-file-system.ts';
import { refuseForeignFile } from './store-file.ts';

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
  #readers = 0;

  private constructor(identity: string, directory: string, options: EnvironmentOptions) {
    this.#identity = identity;
    this.#isReadOnly = options.isReadOnly;
    this.#gate = new Gate(directory);
    this.#database = this.#gate.through(() => openDatabase(directory, options));
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
    refuseForeignFile(directory);
    const { dev, ino } = statSync(directory);
    const identity = `${dev}:${ino}`;
    const environment = environments.get(identity) ?? new Environment(identity, directory, options);
    if (!isReadOnly) environment.#makeWritable(directory, options);
    environments.set(identity, environment);
    environment.#users += 1;
    return environment;
  }

  /** Commits what is written in the callback, or nothing if it throws; alone among all processes. */
  write<T>(change: (database: Database) => T): T {
    return this.#gate.through(() => this.#database.transactionSync(() => change(this.#database)));
  }

  /** Asks a question of one snapshot, the newest there is; a question within a question has the same snapshot. */
  read<T>(question: (database: Database) => T): T {
    // lmdb keeps a snapshot until the event loop turns: another process may have written since.
    if (this.#readers === 0) this.#database.resetReadTxn();
    this.#readers += 1;
    try {
      return question(this.#database);
    } finally {
      this.#readers -= 1;
      if (this.#readers === 0) this.#database.resetReadTxn();
    }
  }

  /** Closes the environment if nobody else uses it. */
  release(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    environments.delete(this.#identity);
    void this.#database.close();
    this.#gate.close();
  }

  #makeWritable(directory: string, options: EnvironmentOptions): void {
    if (!this.#isReadOnly) return;
    void this.#database.close();
    this.#database = this.#gate.through(() => openDatabase(directory, options));
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
