import { crc32 } from 'node:zlib';
import { formatKey, type Key } from './keys.ts';

/** `{"crc":"01234567",` stands before all other members of a record that is JSON. */
const opening = '{"crc":"';
const sealLength = opening.length + 8 + '",'.length;
const brace = 0x7b;
const openingBytes = Buffer.from(opening);
const digits = Buffer.from('0123456789abcdef');

/**
 * A record as it is stored: JSON with a checksum of its key and of itself as first member, which versions before 0.2 do not
 * look at. Nodes of address trees are no JSON; they are in memory only, and follow from the leases.
 */
export function seal(key: Key, bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== brace) return bytes;
  const body = bytes.subarray(1);
  const sealed = Buffer.allocUnsafe(sealLength + body.length);
  const checksum = checksumOf(key, body).toString(16).padStart(8, '0');
  sealed.write(`${opening}${checksum}",`, 'latin1');
  sealed.set(body, sealLength);
  return sealed;
}

/**
 * A record without its checksum; one of 0.1 has none. Undefined if it is not what was written. Done in place: the bytes are the
 * caller's own, and are not to be used any more.
 */
export function unseal(key: Key, bytes: Uint8Array): Uint8Array | undefined {
  if (key[0] === 'node') return bytes;
  if (!isSealed(bytes)) return isJson(bytes) ? bytes : undefined;
  const body = bytes.subarray(sealLength);
  for (let value = checksumOf(key, body), at = sealLength - 3; at >= opening.length; at--, value >>>= 4) {
    if (bytes[at] !== digits[value & 15]) return undefined;
  }
  bytes[sealLength - 1] = brace;
  return bytes.subarray(sealLength - 1);
}

function isSealed(bytes: Uint8Array): boolean {
  for (let at = 0; at < opening.length; at++) if (bytes[at] !== openingBytes[at]) return false;
  return bytes.length > sealLength;
}

function checksumOf(key: Key, body: Uint8Array): number {
  return crc32(body, crc32(formatKey(key)));
}

/** What has no checksum begins as 0.1 wrote it, and can be read. */
function isJson(bytes: Uint8Array): boolean {
  const stored = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!stored.subarray(0, 10).equals(Buffer.from('{"format":'))) return false;
  try {
    JSON.parse(stored.toString());
    return true;
  } catch {
    return false;
  }
}
