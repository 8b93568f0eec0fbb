import { TsnetError, type Ip, type PoolId } from '../model/index.ts';
import { release, type Pool } from '../ipam/index.ts';
import type { Key } from './keys.ts';
import { decodeEnvelope, encodeRecord, valueOf } from './records.ts';
import type { Reader, Writer } from './store.ts';
import { StateTransaction } from './transaction.ts';

/** What a store says of itself. */
interface StoreRecord {
  /** How keys are made and address tree nodes are laid out. */
  readonly layout: number;
  /** The boot whose records it holds. */
  readonly boot: string;
}

const currentLayout = 1;
const storeKey: Key = ['meta', 'store'];

/**
 * Whether a store holds records of this boot only; a new one does not say so yet.
 *
 * @throws unsupported if a newer tsnet made it
 */
export function isOfBoot(reader: Reader, boot: string): boolean {
  const bytes = reader.get(storeKey);
  if (bytes === undefined) return false;
  const store = valueOf(storeKey, decodeEnvelope(bytes)) as StoreRecord;
  if (store.layout > currentLayout) {
    throw new TsnetError(
      'unsupported',
      `open state: its layout ${store.layout} is newer than ${currentLayout}`,
      {
        hint: 'install the version of tsnet that wrote it, or a later one',
      },
    );
  }
  return store.boot === boot;
}

/** Drops what described kernel objects of an earlier boot, frees their addresses, and notes the boot. */
export function enterBoot(writer: Writer, boot: string): void {
  if (isOfBoot(writer, boot)) return;
  const tx = new StateTransaction(writer, boot);
  const pools = new Map(tx.pools().map((pool) => [pool.id, pool]));
  for (const kind of ['endpoint', 'address', 'port', 'lease']) {
    for (const { key, bytes } of writer.list([kind])) {
      const record = decodeEnvelope(bytes);
      if (record.boot === undefined || record.boot === boot) continue;
      if (kind === 'lease') freeAddress(tx, pools, key);
      writer.remove(key);
    }
  }
  const store: StoreRecord = { layout: currentLayout, boot };
  writer.put(storeKey, encodeRecord(storeKey, store));
}

function freeAddress(tx: StateTransaction, pools: ReadonlyMap<PoolId, Pool>, [, id, ip]: Key): void {
  const pool = pools.get(id as PoolId);
  if (pool !== undefined) release(pool, tx.nodes(pool.id), ip as Ip);
}
