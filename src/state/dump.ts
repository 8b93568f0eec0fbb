import { formatKey } from './keys.ts';
import { decodeEnvelope } from './records.ts';
import type { Reader } from './store.ts';

/** Every record as it is stored, by its key; nodes of address trees in hexadecimal, lowest address first. */
export type Dump = Readonly<Record<string, unknown>>;

const kinds = [
  'meta',
  'network',
  'endpoint',
  'address',
  'port',
  'pool',
  'lease',
  'lease-of',
  'sandbox',
  'node',
  'journal',
  'boot-journal',
];

/** The whole store as JSON values, whatever version or boot wrote it. */
export function dump(reader: Reader): Dump {
  const entries = kinds.flatMap((kind) => reader.list([kind]));
  return Object.fromEntries(
    entries.map(({ key, bytes }) => [
      formatKey(key),
      key[0] === 'node' ? Buffer.from(bytes).toString('hex') : decodeEnvelope(bytes),
    ]),
  );
}
