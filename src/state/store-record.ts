import { TsnetError } from '../model/index.ts';
import type { Key } from './keys.ts';
import { decodeEnvelope, encodeRecord, valueOf } from './records.ts';
import type { Reader, Writer } from './store.ts';

/** What a store says of itself. */
export interface StoreRecord {
  /** How keys are made, address tree nodes are laid out, and records are shared out between stores. */
  readonly layout: number;
  /** The boot whose records it holds. */
  readonly boot: string;
  /** Present if a working store holds all records, and the disk only those that outlive the boot. */
  readonly pair?: Pair;
}

/** Two stores that belong together. Both hold the same as long as nobody was killed between the two commits. */
export interface Pair {
  /** Made anew with every working store. */
  readonly id: string;
  /** Where the working store lies, for everybody who opens the disk's. */
  readonly directory: string;
  /** Where the disk lies as the one who began the working store named it; absent in stores of 0.1. */
  readonly disk?: string;
  /** Counts the commits that both took part in. */
  readonly generation: number;
}

/** 1 had everything in one store. */
export const currentLayout = 2;

/** Where a store speaks of itself. */
export const storeKey: Key = ['meta', 'store'];

/** What a store says of itself; undefined for a new one. @throws unsupported if a newer tsnet made it */
export function readStoreRecord(reader: Reader): StoreRecord | undefined {
  const bytes = reader.get(storeKey);
  if (bytes === undefined) return undefined;
  const store = valueOf(storeKey, decodeEnvelope(bytes)) as StoreRecord;
  if (store.layout <= currentLayout) return store;
  throw new TsnetError(
    'unsupported',
    `open state: its layout ${store.layout} is newer than ${currentLayout}`,
    { hint: 'install the version of tsnet that wrote it, or a later one' },
  );
}

export function writeStoreRecord(writer: Writer, store: StoreRecord): void {
  writer.put(storeKey, encodeRecord(storeKey, store));
}
