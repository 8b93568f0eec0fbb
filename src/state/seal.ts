import { crc32 } from 'node:zlib';
import { formatKey, type Key } from './keys.ts';

/** `{"crc":"01234567",` stands before all other members of a record that is JSON. */
const opening = '{"crc":"';
const sealLength = opening.length + 8 + '",'.length;
const brace = 0x7b;
const openingBytes = Buffer.from(opening);

/**
 * A record as it is stored: JSON with a checksum of its key and of itself as first member, which versions before 0.2 do not
 * look at. Nodes of address trees are no JSON; they are in memory only, and follow from the leases.
 */
export function seal(key: Key, bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== brace) return bytes;
  const body = Buffer.from(bytes.buffer, bytes.byteOffset + 1, bytes.byteLength - 1);
  return Buffer.concat([Buffer.from(`${opening}${checksumOf(key, body)}",`), body]);
}

/** A record without its checksum; one of 0.1 has none. Undefined if it is not what was written. */
export function unseal(key: Key, bytes: Uint8Array): Uint8Array | undefined {
  if (key[0] === 'node') return bytes;
  const stored = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!stored.subarray(0, opening.length).equals(openingBytes)) return isJson(stored) ? bytes : undefined;
  const body = stored.subarray(sealLength);
  const told = stored.toString('latin1', opening.length, opening.length + 8);
  if (told !== checksumOf(key, body)) return undefined;
  return Buffer.concat([Buffer.of(brace), body]);
}

function checksumOf(key: Key, body: Buffer): string {
  return crc32(body, crc32(formatKey(key)))
    .toString(16)
    .padStart(8, '0');
}

/** What has no checksum begins as 0.1 wrote it, and can be read. */
function isJson(stored: Buffer): boolean {
  if (!stored.subarray(0, 10).equals(Buffer.from('{"format":'))) return false;
  try {
    JSON.parse(stored.toString());
    return true;
  } catch {
    return false;
  }
}
