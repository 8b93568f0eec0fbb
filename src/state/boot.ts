import { allocate } from '../ipam/index.ts';
import { decodeEnvelope } from './records.ts';
import type { Reader, Writer } from './store.ts';
import { currentLayout, storeKey, writeStoreRecord } from './store-record.ts';
import { StateTransaction } from './transaction.ts';

/** Drops what described kernel objects of an earlier boot, frees their addresses, and notes the boot. */
export function enterBoot(writer: Writer, boot: string): void {
  for (const { key, bytes } of writer.list([])) {
    if (!isCarriedOver(key, bytes, boot)) writer.remove(key);
  }
  rebuildTrees(writer, boot);
  writeStoreRecord(writer, { layout: currentLayout, boot });
}

/** Fills a store with what another holds for this boot; what it had itself is dropped. */
export function carryOver(source: Reader, target: Writer, boot: string): void {
  for (const { key } of target.list([])) target.remove(key);
  for (const { key, bytes } of source.list([])) {
    if (isCarriedOver(key, bytes, boot)) target.put(key, bytes);
  }
  rebuildTrees(target, boot);
}

function isCarriedOver(key: readonly unknown[], bytes: Uint8Array, boot: string): boolean {
  // Trees are made anew from the leases that stay.
  if (key[0] === 'node' || key.join() === storeKey.join()) return false;
  const record = decodeEnvelope(bytes);
  return record.boot === undefined || record.boot === boot;
}

function rebuildTrees(writer: Writer, boot: string): void {
  const tx = new StateTransaction(writer, boot);
  const pools = new Map(tx.pools().map((pool) => [pool.id, pool]));
  for (const { pool: id, ip, kind } of tx.leases()) {
    const pool = pools.get(id);
    if (pool !== undefined) allocate(pool, tx.nodes(id), { kind, address: ip });
  }
}
