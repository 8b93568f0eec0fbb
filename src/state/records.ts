import { TsnetError } from '../model/index.ts';
import { formatKey, type Key } from './keys.ts';

/** A record as it is stored, as JSON. */
export interface Envelope {
  /** The format of the value, from 1. */
  readonly format: number;
  /** Present if the record describes something that ends with this boot of the host. */
  readonly boot?: string;
  readonly value: unknown;
}

type Upgrade = (value: unknown) => unknown;

const unchanged: Upgrade = (value) => value;

/**
 * How old records become new ones, by kind: the first function makes format 2 of format 1, and so on. The format that is
 * written is one more than there are functions.
 */
const upgrades: ReadonlyMap<string, readonly Upgrade[]> = new Map([
  ['network', []],
  ['endpoint', []],
  ['address', []],
  ['port', []],
  ['pool', []],
  ['lease', []],
  ['sandbox', []],
  // Format 2 tells of each record what it was after the operation as well; format 1 does not know.
  ['journal', [unchanged]],
  ['boot-journal', [unchanged]],
  ['meta', []],
]);

/** The format in which records of that kind are written. */
export function currentFormat(kind: string): number {
  return (upgrades.get(kind)?.length ?? 0) + 1;
}

/** A record in its current format. */
export function envelopeOf(key: Key, value: unknown, boot?: string): Envelope {
  return { format: currentFormat(key[0]), ...(boot === undefined ? {} : { boot }), value };
}

/** The bytes of a record in its current format. */
export function encodeRecord(key: Key, value: unknown, boot?: string): Uint8Array {
  return encodeEnvelope(envelopeOf(key, value, boot));
}

/** The bytes of a record whose format is known. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  return Buffer.from(JSON.stringify(envelope));
}

/** A record as it was stored, in whatever format. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as Envelope;
}

/**
 * The value of a record in its current format.
 *
 * @throws unsupported if a newer tsnet wrote it
 */
export function valueOf(key: Key, { format, value }: Envelope): unknown {
  if (format > currentFormat(key[0])) {
    throw new TsnetError(
      'unsupported',
      `read record ${formatKey(key)}: its format ${format} is newer than ${currentFormat(key[0])}, the newest known`,
      { subject: formatKey(key), hint: 'install the version of tsnet that wrote it, or a later one' },
    );
  }
  return (upgrades.get(key[0]) ?? []).slice(format - 1).reduce((old, upgrade) => upgrade(old), value);
}
