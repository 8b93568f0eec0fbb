import { carryOver, enterBoot } from './boot.ts';
import { DiskCompanion } from './disk-companion.ts';
import { randomDigits } from './random-digits.ts';
import { hasStore } from './store-file.ts';
import { toStoreError } from './store-error.ts';
import { Store, type Reader } from './store.ts';
import {
  currentLayout,
  decodeStoreRecord,
  readStoreRecord,
  storeKey,
  writeStoreRecord,
  type Pair,
  type StoreRecord,
} from './store-record.ts';
import { workingPath, workingPlace } from './working-place.ts';

/** Where the stores are and who asks. */
export interface StoresOptions {
  readonly directory: string;
  readonly runDirectory?: string;
  readonly bootId: string;
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

/** Opens the stores for reading; undefined as long as there are none. @throws as `Store.open` */
export function openForReading(options: StoresOptions): Stores | undefined {
  if (!hasStore(options.directory)) return undefined;
  const disk = Store.open(options.directory, { isReadOnly: true, isVolatile: false });
  return closedOnError(disk, () => {
    const found = disk.read(readStoreRecord);
    // What a writer would begin with, where nothing can be worked with.
    return storesOf(disk, found, openWorking(options, found, true)?.working ?? disk);
  });
}

/**
 * Opens the stores for writing; what is missing is made. Who opens them first after a boot decides whether there is a
 * working store in memory, and where; the others follow, whatever their own run directory.
 *
 * @throws as `Store.open`
 */
export function openForWriting(options: StoresOptions): Stores {
  const disk = Store.open(options.directory, { isReadOnly: false, isVolatile: false });
  return closedOnError(disk, () => {
    for (;;) {
      const found = disk.read(readStoreRecord);
      const isSettled = found?.boot === options.bootId && found.layout === currentLayout;
      if (isSettled && found.pair === undefined) return storesOf(disk, found, disk);
      const opened = openWorking(options, found, false) ?? begin(options, disk, found);
      if (opened === undefined) continue;
      const { working, pair } = opened;
      if (pair !== undefined) keepInStep(working, disk, pair);
      return storesOf(disk, disk.read(readStoreRecord), working);
    }
  });
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
    const working = Store.open(place, { isReadOnly, isVolatile: true });
    if (working.read(readStoreRecord)?.pair?.id === pair.id) return { working, pair };
    working.close();
  }
  return undefined;
}

/** Begins a boot, or anew after the working store was lost; undefined if somebody else did so meanwhile. */
function begin(
  { directory, runDirectory, bootId }: StoresOptions,
  disk: Store,
  found: StoreRecord | undefined,
): OpenedWorking | undefined {
  // Another process may just be filling it, and has its lock.
  const isBegun = found?.boot === bootId && found.pair !== undefined && hasStore(found.pair.directory);
  const place = isBegun ? found.pair.directory : placeOf(directory, runDirectory);
  if (place === undefined) {
    return disk.transactNow((writer) => {
      if (!isSame(readStoreRecord(writer), found)) return undefined;
      enterBoot(writer, bootId);
      return { working: disk };
    });
  }
  const working = Store.open(place, { isReadOnly: false, isVolatile: true });
  const pair = closedOnError(working, () => fill(working, disk, found, place, bootId));
  if (pair !== undefined) return { working, pair };
  working.close();
  return undefined;
}

/**
 * Fills a working store. The disk names it first and keeps what it has: who is killed in between is followed by one who
 * fills it again. The generations differ, so that what ends with the boot goes from the disk with the next commit.
 */
function fill(
  working: Store,
  disk: Store,
  found: StoreRecord | undefined,
  place: string,
  boot: string,
): Pair | undefined {
  return working.transactNow((target) => {
    // The one who had the lock before has done it.
    const there = readStoreRecord(target);
    if (there?.boot === boot && there.pair?.id === found?.pair?.id) return undefined;
    const pair = { id: randomDigits(8), directory: place, generation: 0 };
    const store = { layout: currentLayout, boot, pair };
    const isNamed = disk.transactNow((writer) => {
      if (!isSame(readStoreRecord(writer), found)) return false;
      writeStoreRecord(writer, store);
      return true;
    });
    if (!isNamed) return undefined;
    disk.read((source) => carryOver(source, target, boot));
    writeStoreRecord(target, { ...store, pair: { ...pair, generation: 1 } });
    return pair;
  });
}

function keepInStep(working: Store, disk: Store, { id }: Pair): void {
  working.accompany(new DiskCompanion(disk, id));
  const isInStep = sameBytes(working.read(bytesOf), disk.read(bytesOf));
  if (!isInStep) working.transactNow(() => undefined);
}

function storesOf(disk: Store, known: StoreRecord | undefined, working: Store): Stores {
  let seen: Uint8Array | undefined;
  const isCurrent = () => {
    if (!disk.isIntact() || !working.isIntact()) return false;
    const now = disk.read(bytesOf);
    if (sameBytes(seen, now)) return true;
    const record = now === undefined ? undefined : decodeStoreRecord(now);
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
