import { differences, mayOutliveBoot } from './durable.ts';
import type { DurableCopy } from './durable-copy.ts';
import type { Key } from './keys.ts';
import type { Companion, Reader, Store, Writer } from './store.ts';
import { readStoreRecord, storeKey, writeStoreRecord, type Pair, type StoreRecord } from './store-record.ts';
import { SupersededError } from './superseded-error.ts';

/**
 * Keeps the disk in step with a working store: what outlives the boot is committed there, and flushed, before the
 * working store commits. A process killed in between leaves the disk one generation apart, which the next commit of
 * anybody sees, and then writes all of it again: what was never acknowledged is gone.
 *
 * The lock of the working store is always taken before that of the disk.
 */
export class DiskCompanion implements Companion {
  readonly #disk: Store;
  readonly #id: string;
  readonly #copy: DurableCopy;
  #isInStep = true;
  #lastSeen: Uint8Array | undefined;

  constructor(disk: Store, id: string, copy: DurableCopy) {
    this.#copy = copy;
    this.#disk = disk;
    this.#id = id;
  }

  /** @throws SupersededError when the disk has another working store now */
  begin(working: Reader): void {
    const [here, there] = [working.stored(storeKey), this.#disk.read((disk) => disk.stored(storeKey))];
    this.#isInStep = isEqual(here, there);
    if (this.#isInStep && isEqual(here, this.#lastSeen)) return;
    for (const record of [readStoreRecord(working), this.#disk.read(readStoreRecord)]) {
      if (record?.pair?.id !== this.#id) throw new SupersededError();
    }
    this.#lastSeen = here;
  }

  finish(working: Writer, written: readonly Key[]): void {
    const looked = this.#isInStep ? written.filter(mayOutliveBoot) : undefined;
    if (looked?.length === 0) return;
    const behind = this.#disk.read((disk) => differences(working, disk, looked));
    if (behind.length === 0 && this.#isInStep) return;
    const store = readStoreRecord(working) as StoreRecord & { readonly pair: Pair };
    const next = { ...store, pair: { ...store.pair, generation: store.pair.generation + 1 } };
    this.#disk.transactNow((disk) => {
      if (readStoreRecord(disk)?.pair?.id !== this.#id) throw new SupersededError();
      for (const { key, bytes } of behind) {
        if (bytes === undefined) disk.remove(key);
        else disk.put(key, bytes);
      }
      writeStoreRecord(disk, next);
    });
    writeStoreRecord(working, next);
    this.#copy.note(behind.map(({ key }) => key));
  }
}

function isEqual(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one !== undefined && other !== undefined && Buffer.compare(one, other) === 0;
}
