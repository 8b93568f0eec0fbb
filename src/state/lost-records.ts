import type { Key } from './keys.ts';
import { decodeEnvelope, encodeRecord, valueOf } from './records.ts';
import type { Reader, Writer } from './store.ts';

/**
 * What a store was begun without: `boot` what this boot had recorded, `all` everything, or nothing had ever been there. The
 * kernel may hold what such records were about.
 */
export interface LostRecords {
  readonly what: 'boot' | 'all';
  /** Present once the kernel was looked at: marks of what it holds and no record explains. It is left alone. */
  readonly kept?: readonly string[];
}

const key: Key = ['meta', 'lost'];

/** Undefined if nothing was lost, or all of it was found again. */
export function readLostRecords(reader: Reader, boot: string): LostRecords | undefined {
  const bytes = reader.get(key);
  const envelope = bytes === undefined ? undefined : decodeEnvelope(bytes);
  return envelope?.boot === boot ? (valueOf(key, envelope) as LostRecords) : undefined;
}

/** It ends with the boot, as the kernel's content does. */
export function writeLostRecords(writer: Writer, boot: string, lost: LostRecords | undefined): void {
  if (lost === undefined) writer.remove(key);
  else writer.put(key, encodeRecord(key, lost, boot));
}
