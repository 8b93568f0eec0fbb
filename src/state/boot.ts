import { allocate } from '../ipam/index.ts';
import { durableForm } from './durable.ts';
import type { Key } from './keys.ts';
import { decodeEnvelope } from './records.ts';
import type { Reader, Writer } from './store.ts';
import { currentLayout, storeKey, writeStoreRecord } from './store-record.ts';
import { StateTransaction } from './transaction.ts';

/** Leaves of an earlier boot what outlives it, frees the addresses of the rest, and notes the boot. */
export function enterBoot(writer: Writer, boot: string): void {
  for (const { key, bytes } of writer.list([])) {
    const kept = carriedOver(key, bytes, boot);
    if (kept === undefined) writer.remove(key);
    else if (kept !== bytes) writer.put(key, kept);
  }
  rebuildTrees(writer, boot);
  writeStoreRecord(writer, { layout: currentLayout, boot });
}

/** Fills a store with what another holds for this boot; what it had itself is dropped. */
export function carryOver(source: Reader, target: Writer, boot: string): void {
  for (const { key } of target.list([])) target.remove(key);
  for (const { key, bytes } of source.list([])) {
    const kept = carriedOver(key, bytes, boot);
    if (kept !== undefined) target.put(key, kept);
  }
  rebuildTrees(target, boot);
}

/** A record as this boot has it; undefined if it ended with an earlier one. */
function carriedOver(key: Key, bytes: Uint8Array, boot: string): Uint8Array | undefined {
  // Trees are made anew from the leases that stay.
  if (key[0] === 'node' || key.join() === storeKey.join()) return undefined;
  const record = decodeEnvelope(bytes);
  return record.boot === undefined || record.boot === boot ? bytes : durableForm(key, bytes);
}

function rebuildTrees(writer: Writer, boot: string): void {
  const tx = new StateTransaction(writer, boot);
  const pools = new Map(tx.pools().map((pool) => [pool.id, pool]));
  for (const { pool: id, ip, kind } of tx.leases()) {
    const pool = pools.get(id);
    if (pool !== undefined) allocate(pool, tx.nodes(id), { kind, address: ip });
  }
}
