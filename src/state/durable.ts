import type { NamedSandbox } from '../model/index.ts';
import type { Image } from './journal.ts';
import { formatKey, type Key } from './keys.ts';
import { decodeEnvelope, encodeEnvelope, type Envelope } from './records.ts';
import { sandboxAfterBoot } from './sandbox-after-boot.ts';
import type { Reader } from './store.ts';

// What describes the kernel ends with the boot; address trees follow from the leases; `meta` is about one store.
const endsWithBoot: ReadonlySet<string> = new Set([
  'endpoint',
  'address',
  'port',
  'node',
  'boot-journal',
  'meta',
]);

/** One record as the disk should have it; undefined if it should not have it. */
export interface Difference {
  readonly key: Key;
  readonly bytes: Uint8Array | undefined;
}

/** Whether a record with that key can outlive the boot. */
export function mayOutliveBoot([kind]: Key): boolean {
  return !endsWithBoot.has(kind);
}

/** Whether what an operation replaced, or what it wrote instead, outlives the boot. */
export function isLasting({ key, before, after }: Image): boolean {
  const lasts = (envelope: Envelope | null | undefined) => envelope != null && envelope.boot === undefined;
  return mayOutliveBoot(key) && (after === undefined || lasts(before) || lasts(after));
}

/** What of a record outlives the boot, as the disk has it; undefined if nothing does. */
export function durableForm(key: Key, bytes: Uint8Array): Uint8Array | undefined {
  if (!mayOutliveBoot(key)) return undefined;
  const envelope = decodeEnvelope(bytes);
  if (envelope.boot !== undefined) {
    const kept = afterBoot(key, envelope);
    return kept === undefined ? undefined : encodeEnvelope(kept);
  }
  if (key[0] === 'pool') return withoutCursor(envelope);
  if (key[0] === 'journal') return withDurableImages(envelope);
  return bytes;
}

/** What the next boot has of a record that describes something of this one; undefined if it has nothing. */
export function afterBoot([kind]: Key, { format, value }: Envelope): Envelope | undefined {
  const kept = kind === 'sandbox' ? sandboxAfterBoot(value as NamedSandbox) : undefined;
  return kept === undefined ? undefined : { format, value: kept };
}

/** What the disk has otherwise than it should: of the keys given, or of all. */
export function differences(working: Reader, disk: Reader, keys?: readonly Key[]): Difference[] {
  const looked = keys ?? [...working.list([]), ...disk.list([])].map(({ key }) => key);
  const unique = new Map(looked.filter(([kind]) => kind !== 'meta').map((key) => [formatKey(key), key]));
  return [...unique.values()].flatMap((key) => {
    const present = working.get(key);
    const wanted = present === undefined ? undefined : durableForm(key, present);
    return isEqual(wanted, disk.get(key)) ? [] : [{ key, bytes: wanted }];
  });
}

/** The address handed out last moves with every lease, and after a boot there is no neighbour who remembers it. */
function withoutCursor({ value, ...rest }: Envelope): Uint8Array {
  const { last: _, ...pool } = value as Readonly<Record<string, unknown>>;
  return encodeEnvelope({ ...rest, value: pool });
}

function withDurableImages({ value, ...rest }: Envelope): Uint8Array | undefined {
  const journal = value as { readonly images: readonly Image[] };
  const images = journal.images.filter(isLasting);
  if (images.length === 0) return undefined;
  return encodeEnvelope({ ...rest, value: { ...journal, images } });
}

function isEqual(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return Buffer.compare(one, other) === 0;
}
