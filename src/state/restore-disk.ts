import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { isThere } from '../kernel/is-there.ts';
import { join } from 'node:path';
import { TsnetError } from '../model/index.ts';
import { copyOf, flushDirectory, readCopy } from './durable-copy.ts';
import { durableForm } from './durable.ts';
import { Gate } from './gate.ts';
import { randomDigits } from './random-digits.ts';
import { toStoreError } from './store-error.ts';
import { fileOf, hasStore } from './store-file.ts';
import { Store, type Entry } from './store.ts';
import { readStoreRecord, writeStoreRecord, type StoreRecord } from './store-record.ts';
import { workingPath } from './working-place.ts';

/** Where the stores of a state are. */
export interface Places {
  readonly directory: string;
  readonly runDirectory?: string;
  readonly bootId: string;
}

/** A disk that was made anew. */
export interface Restoration {
  /** Where its records came from. */
  readonly source: string;
  readonly records: number;
  /** Where the file lies now that was in its place. */
  readonly aside?: string;
  /** When the copy was written, where the source is one. */
  readonly time?: Date;
}

/**
 * Where the working store of this boot lies that belongs to a directory, whatever the disk says: its disk was lost.
 * Undefined if there is none; one that is damaged is none.
 */
export function findSurvivor({ directory, runDirectory, bootId }: Places): string | undefined {
  if (runDirectory === undefined) return undefined;
  const own = isThere(directory) ? [workingPath(directory, runDirectory)] : [];
  // The directory may have been made anew, and then has another number.
  const others = listOf(runDirectory)
    .filter((name) => name.startsWith('state-'))
    .map((name) => join(runDirectory, name));
  return [...new Set([...own, ...others])].find((place) => {
    const record = recordAt(place);
    if (record?.boot !== bootId || record.pair === undefined) return false;
    return own.includes(place) || record.pair.disk === directory;
  });
}

/** Makes the disk what a working store says. @throws unavailable */
export function restoreFromSurvivor(directory: string, place: string): Restoration {
  const working = Store.open(place, { isReadOnly: true, isVolatile: true });
  try {
    return working.read((reader) => {
      const lasting = reader.list([]).flatMap(({ key, bytes }) => {
        const kept = durableForm(key, bytes);
        return kept === undefined ? [] : [{ key, bytes: kept }];
      });
      return { ...replaceDisk(directory, lasting, readStoreRecord(reader)), source: place };
    });
  } finally {
    working.close();
  }
}

/** Makes the disk what a copy says. @throws not-found, unavailable */
export function restoreFromCopy(directory: string, path = copyOf(directory)): Restoration {
  const { entries, time } = readCopy(path);
  return { ...replaceDisk(directory, entries), source: path, time };
}

/**
 * Puts another file in the place of the disk's, which stays beside it if it has a content. Everybody who has the old one open
 * sees that it is gone before they read or write again.
 */
function replaceDisk(
  directory: string,
  entries: readonly Entry[],
  record?: StoreRecord,
): Omit<Restoration, 'source'> {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const draft = join(directory, `.restoring-${randomDigits(6)}`);
    try {
      fill(draft, entries, record);
      const gate = new Gate(directory);
      try {
        return gate.through(() => exchange(directory, draft, entries.length));
      } finally {
        gate.close();
      }
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  } catch (error) {
    throw toStoreError('restore state', directory, error);
  }
}

function fill(draft: string, entries: readonly Entry[], record: StoreRecord | undefined): void {
  const store = Store.open(draft, { isReadOnly: false, isVolatile: false });
  try {
    store.transactNow((writer) => {
      for (const { key, bytes } of entries) writer.put(key, bytes);
      if (record !== undefined) writeStoreRecord(writer, record);
    });
  } finally {
    store.close();
  }
}

function exchange(directory: string, draft: string, records: number): Omit<Restoration, 'source'> {
  const aside = hasStore(directory) ? nameAside(fileOf(directory)) : undefined;
  if (aside !== undefined) renameSync(fileOf(directory), aside);
  // Numbers of transactions in it are those of the old file.
  rmSync(join(directory, 'lock.mdb'), { force: true });
  renameSync(fileOf(draft), fileOf(directory));
  flushDirectory(directory);
  return { records, ...(aside === undefined ? {} : { aside }) };
}

/** Takes a working store away that can't be used; the next writer begins a new one. */
export function setAsideWorkingStore(place: string): string {
  const gate = new Gate(place);
  try {
    return gate.through(() => {
      const aside = nameAside(fileOf(place));
      renameSync(fileOf(place), aside);
      rmSync(join(place, 'lock.mdb'), { force: true });
      return aside;
    });
  } finally {
    gate.close();
  }
}

function nameAside(path: string): string {
  const name = `${path}.damaged-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  return isThere(name) ? `${name}-${randomDigits(4)}` : name;
}

function recordAt(place: string): StoreRecord | undefined {
  if (!hasStore(place)) return undefined;
  try {
    const store = Store.open(place, { isReadOnly: true, isVolatile: true });
    try {
      return store.read(readStoreRecord);
    } finally {
      store.close();
    }
  } catch (error) {
    if (error instanceof TsnetError && error.kind === 'unavailable') return undefined;
    throw error;
  }
}

function listOf(directory: string): string[] {
  return statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(directory) : [];
}
