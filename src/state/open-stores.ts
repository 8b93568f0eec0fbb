import { isThere } from '../kernel/is-there.ts';
import { refuseForeignFolder } from '../kernel/own-folder.ts';
import { carryOver, enterBoot } from './boot.ts';
import { DiskCompanion } from './disk-companion.ts';
import { DurableCopy, copyOf } from './durable-copy.ts';
import { writeLostRecords, type LostRecords } from './lost-records.ts';
import { randomDigits } from './random-digits.ts';
import {
  findSurvivor,
  restoreFromCopy,
  restoreFromSurvivor,
  setAsideWorkingStore,
  type Restoration,
} from './restore-disk.ts';
import { DamagedStoreError, LostRecordsError, fileOf, hasStore } from './store-file.ts';
import { toStoreError } from './store-error.ts';
import { Store, type Reader } from './store.ts';
import {
  currentLayout,
  readStoreRecord,
  storeKey,
  writeStoreRecord,
  type Pair,
  type StoreRecord,
} from './store-record.ts';
import { SupersededError } from './superseded-error.ts';
import { workingPath, workingPlace } from './working-place.ts';

/** Where the stores are and who asks. */
export interface StoresOptions {
  readonly directory: string;
  readonly runDirectory?: string;
  readonly bootId: string;
  /** Told what was lost or damaged and what came in its place, in words for a log. */
  readonly warn?: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** The stores of a state. */
export interface Stores {
  /** Holds what outlives the boot, or everything. */
  readonly disk: Store;
  /** Where everybody reads and writes: a store in memory, or the disk's. */
  readonly working: Store;
  /** Whether these are still the ones to use; another process may have begun new ones. */
  isCurrent(): boolean;
  close(): void;
}

/**
 * Opens the stores for reading; undefined as long as there are none.
 *
 * @throws as `Store.open`; denied where others may write; unavailable where the disk is gone and a copy of it is there, or
 *   the records of this boot are
 */
export function openForReading(options: StoresOptions): Stores | undefined {
  if (!hasStore(options.directory)) return openSurvivorForReading(options);
  refuseForeignFolder(options.directory);
  const disk = Store.open(options.directory, { isReadOnly: true, isVolatile: false });
  return closedOnError(disk, () => {
    const found = disk.read(readStoreRecord);
    const working = openWorking(options, found, true)?.working;
    if (working === undefined && lostBefore(found, options.bootId)?.what === 'boot') {
      throw new LostRecordsError(found?.pair?.directory ?? options.directory);
    }
    // Before the first writer of this boot there is what it would begin with.
    return storesOf(disk, found, working ?? disk);
  });
}

/** What a writer would restore the disk from. */
function openSurvivorForReading(options: StoresOptions): Stores | undefined {
  const { directory } = options;
  const place = findSurvivor(options);
  if (place === undefined) {
    const isLost = isThere(fileOf(directory)) || isThere(copyOf(directory));
    if (isLost) throw new DamagedStoreError(directory, 'it is gone or empty');
    return undefined;
  }
  const working = Store.open(place, { isReadOnly: true, isVolatile: true });
  return {
    disk: working,
    working,
    isCurrent: () => working.isIntact() && !hasStore(directory),
    close: () => working.close(),
  };
}

/**
 * Opens the stores for writing; what is missing is made. Who opens them first after a boot decides whether there is a
 * working store in memory, and where; the others follow, whatever their own run directory. A disk that was lost or damaged
 * is made what the working store of this boot says; where that is gone, too, what the last copy says if the disk is gone.
 *
 * @throws as `Store.open`
 */
export function openForWriting(options: StoresOptions): Stores {
  const disk = openDisk(options);
  return closedOnError(disk, () => {
    for (;;) {
      const found = disk.read(readStoreRecord);
      const isSettled = found?.boot === options.bootId && found.layout === currentLayout;
      if (isSettled && found.pair === undefined) {
        const copy = new DurableCopy(options.directory, (question) => disk.read(question));
        disk.accompany(copy);
        return storesOf(disk, found, disk, copy);
      }
      const opened = openWorking(options, found, false) ?? begin(options, disk, found);
      if (opened === undefined) continue;
      const { working, pair } = opened;
      const copy = new DurableCopy(options.directory, (question) => disk.read(question));
      if (pair !== undefined) keepInStep(working, disk, pair, copy);
      else working.accompany(copy);
      return storesOf(disk, disk.read(readStoreRecord), working, copy);
    }
  });
}

function openDisk(options: StoresOptions): Store {
  const { directory, bootId } = options;
  const open = () => Store.open(directory, { isReadOnly: false, isVolatile: false });
  if (!hasStore(directory)) {
    const survivor = findSurvivor(options);
    if (survivor !== undefined) tellRestored(options, 'is gone', restoreFromSurvivor(directory, survivor));
    else if (isThere(copyOf(directory))) tellRestored(options, 'is gone', restoreFromCopy(directory));
    return open();
  }
  let disk: Store;
  try {
    disk = open();
  } catch (error) {
    const survivor = error instanceof DamagedStoreError ? findSurvivor(options) : undefined;
    if (survivor === undefined) throw error;
    tellRestored(options, 'is damaged', restoreFromSurvivor(directory, survivor));
    return open();
  }
  const isOfThisBoot = closedOnError(disk, () => disk.read(readStoreRecord)?.boot === bootId);
  const survivor = isOfThisBoot ? undefined : closedOnError(disk, () => findSurvivor(options));
  if (survivor === undefined) return disk;
  disk.close();
  tellRestored(options, 'was replaced', restoreFromSurvivor(directory, survivor));
  return open();
}

function tellRestored({ directory, warn }: StoresOptions, what: string, restoration: Restoration): void {
  warn?.(`the file of the records ${what}, and was restored`, { file: fileOf(directory), ...restoration });
}

interface OpenedWorking {
  readonly working: Store;
  readonly pair?: Pair;
}

/** The working store that the disk speaks of, if it can be found. */
function openWorking(
  options: StoresOptions,
  found: StoreRecord | undefined,
  isReadOnly: boolean,
): OpenedWorking | undefined {
  if (found?.pair === undefined || found.boot !== options.bootId) return undefined;
  const { pair } = found;
  // In another mount namespace the same run directory may have another name.
  const own =
    options.runDirectory === undefined ? [] : [workingPath(options.directory, options.runDirectory)];
  for (const place of new Set([pair.directory, ...own])) {
    if (!hasStore(place)) continue;
    const working = openWorkingAt(options, place, isReadOnly);
    if (working === undefined) continue;
    if (working.read(readStoreRecord)?.pair?.id === pair.id) return { working, pair };
    working.close();
  }
  return undefined;
}

/** Undefined where it is damaged and was put aside, which only a writer does. */
function openWorkingAt({ warn }: StoresOptions, place: string, isReadOnly: boolean): Store | undefined {
  try {
    return Store.open(place, { isReadOnly, isVolatile: true });
  } catch (error) {
    if (isReadOnly || !(error instanceof DamagedStoreError)) throw error;
    warn?.('the records of this boot are damaged', {
      why: error.message,
      aside: setAsideWorkingStore(place),
    });
    return undefined;
  }
}

/** Begins a boot, or anew after the working store was lost; undefined if somebody else did so meanwhile. */
function begin(
  options: StoresOptions,
  disk: Store,
  found: StoreRecord | undefined,
): OpenedWorking | undefined {
  const { directory, runDirectory, bootId, warn } = options;
  const lost = lostBefore(found, bootId);
  if (lost?.what === 'boot') warn?.('what this boot had recorded is lost', { place: found?.pair?.directory });
  // Another process may just be filling it, and has its lock.
  const isBegun = found?.boot === bootId && found.pair !== undefined && hasStore(found.pair.directory);
  const place = isBegun ? found.pair.directory : placeOf(directory, runDirectory);
  if (place === undefined) {
    return disk.transactNow((writer) => {
      if (!isSame(readStoreRecord(writer), found)) return undefined;
      enterBoot(writer, bootId);
      writeLostRecords(writer, bootId, lost);
      return { working: disk };
    });
  }
  // What is damaged is put aside, and then there is nothing.
  const working = openWorkingAt(options, place, false) ?? openWorkingAt(options, place, false);
  if (working === undefined) return undefined;
  const pair = closedOnError(working, () => fill({ working, disk, directory, found, place, boot: bootId }));
  if (pair !== undefined) return { working, pair };
  working.close();
  return undefined;
}

/** What the kernel may hold that the store which is begun knows nothing of. */
function lostBefore(found: StoreRecord | undefined, bootId: string): LostRecords | undefined {
  if (found === undefined) return { what: 'all' };
  return found.boot === bootId && found.pair !== undefined ? { what: 'boot' } : undefined;
}

interface Filling {
  readonly working: Store;
  readonly disk: Store;
  readonly directory: string;
  readonly found: StoreRecord | undefined;
  readonly place: string;
  readonly boot: string;
}

/**
 * Fills a working store. The disk names it first and keeps what it has: who is killed in between is followed by one who
 * fills it again. The generations differ, so that what ends with the boot goes from the disk with the next commit.
 */
function fill({ working, disk, directory, found, place, boot }: Filling): Pair | undefined {
  return working.transactNow((target) => {
    // The one who had the lock before has done it.
    const there = readStoreRecord(target);
    if (there?.boot === boot && there.pair?.id === found?.pair?.id) return undefined;
    const pair = { id: randomDigits(8), directory: place, disk: directory, generation: 0 };
    const store = { layout: currentLayout, boot, pair };
    const isNamed = disk.transactNow((writer) => {
      if (!isSame(readStoreRecord(writer), found)) return false;
      writeStoreRecord(writer, store);
      return true;
    });
    if (!isNamed) return undefined;
    disk.read((source) => carryOver(source, target, boot));
    writeLostRecords(target, boot, lostBefore(found, boot));
    writeStoreRecord(target, { ...store, pair: { ...pair, generation: 1 } });
    return pair;
  });
}

function keepInStep(working: Store, disk: Store, { id }: Pair, copy: DurableCopy): void {
  working.accompany(new DiskCompanion(disk, id, copy));
  const isInStep = sameBytes(working.read(bytesOf), disk.read(bytesOf));
  if (!isInStep) working.transactNow(() => undefined);
}

function storesOf(disk: Store, known: StoreRecord | undefined, working: Store, copy?: DurableCopy): Stores {
  let seen: Uint8Array | undefined;
  const isCurrent = () => {
    // Each use looks at the files itself; what was found to be gone is not in use any more.
    if (disk.isGone || working.isGone) return false;
    const now = readUnlessGone(disk);
    if (now === gone) return false;
    if (sameBytes(seen, now)) return true;
    const record = disk.read(readStoreRecord);
    const isSameStore =
      working === disk
        ? isSame(record, known)
        : record?.boot === known?.boot && record?.pair?.id === known?.pair?.id;
    if (isSameStore) seen = now;
    return isSameStore;
  };
  return {
    disk,
    working,
    isCurrent,
    close: () => {
      working.close();
      copy?.flush();
      disk.close();
    },
  };
}

function placeOf(directory: string, runDirectory: string | undefined): string | undefined {
  try {
    return workingPlace(directory, runDirectory);
  } catch (error) {
    throw toStoreError('open state', runDirectory ?? directory, error);
  }
}

function isSame(one: StoreRecord | undefined, other: StoreRecord | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function sameBytes(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one !== undefined && other !== undefined && Buffer.compare(one, other) === 0;
}

const gone = Symbol('gone');

function readUnlessGone(disk: Store): Uint8Array | undefined | typeof gone {
  try {
    return disk.read((reader) => reader.stored(storeKey));
  } catch (error) {
    if (error instanceof SupersededError) return gone;
    throw error;
  }
}

function bytesOf(reader: Reader): Uint8Array | undefined {
  return reader.get(storeKey);
}

function closedOnError<T>(store: Store, use: () => T): T {
  try {
    return use();
  } catch (error) {
    store.close();
    throw error;
  }
}
