import { ipFromBytes, type Ip } from '../../model/ip.ts';
import type { Mac } from '../../model/mac.ts';
import { TsnetError } from '../../model/errors.ts';
import { align } from './message-writer.ts';

/** Without NLA_F_NESTED and NLA_F_NET_BYTEORDER. Source: `linux/netlink.h`. */
const typeMask = 0x3fff;
const headerLength = 4;

/** One attribute: its type without flags, and its payload. */
export interface Attribute {
  readonly type: number;
  readonly payload: Buffer;
}

/**
 * Attributes by type, read where they lie. A getter gives undefined for an attribute that is absent; of several with
 * one type the last counts, as in the kernel. Numbers are little-endian but for the `be` methods.
 *
 * Source: `linux/netlink.h` (struct nlattr), Linux `nla_parse()`.
 */
export class Attributes {
  readonly #buffer: Buffer;
  /** The offset of each header by type. */
  readonly #starts: number[] = [];

  /**
   * @param start offset of the first attribute, behind a fixed header; past the end means none
   * @param end where they end
   * @throws kernel when a length leads outside
   */
  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.#buffer = buffer;
    const starts = this.#starts;
    // A link has 60 of them, and thousands of links are read before any compiler helps: hence bytes, and no calls.
    for (let at = start; end - at >= headerLength;) {
      const length = (buffer[at] as number) | ((buffer[at + 1] as number) << 8);
      if (length < headerLength || at + length > end) throw leadsOutside(length, end - at);
      starts[((buffer[at + 2] as number) | ((buffer[at + 3] as number) << 8)) & typeMask] = at;
      at += (length + 3) & ~3;
    }
  }

  has(type: number): boolean {
    return this.#starts[type] !== undefined;
  }

  /** The payload itself, not a copy. */
  bytes(type: number): Buffer | undefined {
    const start = this.#starts[type];
    return start === undefined
      ? undefined
      : this.#buffer.subarray(start + headerLength, start + this.#buffer.readUInt16LE(start));
  }

  u8(type: number): number | undefined {
    const start = this.#payloadOf(type, 1);
    return start === undefined ? undefined : this.#buffer.readUInt8(start);
  }

  u16(type: number): number | undefined {
    const start = this.#payloadOf(type, 2);
    return start === undefined ? undefined : this.#buffer.readUInt16LE(start);
  }

  u32(type: number): number | undefined {
    const start = this.#payloadOf(type, 4);
    return start === undefined ? undefined : this.#buffer.readUInt32LE(start);
  }

  s32(type: number): number | undefined {
    const start = this.#payloadOf(type, 4);
    return start === undefined ? undefined : this.#buffer.readInt32LE(start);
  }

  /** A 16-bit number in network order. */
  be16(type: number): number | undefined {
    const start = this.#payloadOf(type, 2);
    return start === undefined ? undefined : this.#buffer.readUInt16BE(start);
  }

  /** A 32-bit number in network order. */
  be32(type: number): number | undefined {
    const start = this.#payloadOf(type, 4);
    return start === undefined ? undefined : this.#buffer.readUInt32BE(start);
  }

  /** UTF-8 text up to the first zero byte. It may hold anything: interface names are chosen by users. */
  string(type: number): string | undefined {
    const start = this.#starts[type];
    if (start === undefined) return undefined;
    const buffer = this.#buffer;
    const last = start + buffer.readUInt16LE(start);
    let end = start + headerLength;
    while (end < last && buffer[end] !== 0) end += 1;
    return buffer.toString('utf8', start + headerLength, end);
  }

  /** An address of 4 or 16 bytes; other lengths (such as hardware addresses in its place) count as absent. */
  ip(type: number): Ip | undefined {
    const bytes = this.bytes(type);
    return bytes?.length === 4 || bytes?.length === 16 ? ipFromBytes(bytes) : undefined;
  }

  /** A hardware address of 6 bytes; other lengths, as tunnels have them, count as absent. */
  mac(type: number): Mac | undefined {
    const start = this.#starts[type];
    const buffer = this.#buffer;
    if (start === undefined || buffer.readUInt16LE(start) !== headerLength + 6) return undefined;
    // Every link has two of them: in a list of thousands the general way from bytes to text would take a third.
    let text = hexPairs[buffer[start + headerLength] as number] as string;
    for (let at = start + headerLength + 1; at < start + headerLength + 6; at++) {
      text += `:${hexPairs[buffer[at] as number]}`;
    }
    return text as Mac;
  }

  /** @throws kernel when the payload is not made of attributes */
  nested(type: number): Attributes | undefined {
    const start = this.#starts[type];
    if (start === undefined) return undefined;
    return new Attributes(this.#buffer, start + headerLength, start + this.#buffer.readUInt16LE(start));
  }

  /** The first 64-bit numbers of an array, as exact as numbers are; undefined where there are fewer. */
  u64s(type: number, count: number): number[] | undefined {
    const start = this.#starts[type];
    const buffer = this.#buffer;
    if (start === undefined || buffer.readUInt16LE(start) - headerLength < 8 * count) return undefined;
    // Every link has 24 of them: a view costs a fifth of the methods of a buffer.
    const view = new DataView(buffer.buffer, buffer.byteOffset + start + headerLength, 8 * count);
    const numbers: number[] = [];
    for (let at = 0; at < view.byteLength; at += 8) {
      const high = view.getUint32(at + 4, true);
      numbers.push(view.getUint32(at, true) + (high === 0 ? 0 : high * 2 ** 32));
    }
    return numbers;
  }

  #payloadOf(type: number, length: number): number | undefined {
    const start = this.#starts[type];
    if (start === undefined) return undefined;
    const buffer = this.#buffer;
    const found = ((buffer[start] as number) | ((buffer[start + 1] as number) << 8)) - headerLength;
    if (found < length) throw malformed(`attribute ${type} has ${found} bytes instead of ${length}`);
    return start + headerLength;
  }
}

/** Attributes in their order, with those that occur more than once. @throws kernel as `Attributes` */
export function listAttributes(buffer: Buffer, start = 0): Attribute[] {
  const found: Attribute[] = [];
  for (let at = start; buffer.length - at >= headerLength; at = nextAt(buffer, at)) {
    const payload = buffer.subarray(at + headerLength, at + buffer.readUInt16LE(at));
    found.push({ type: buffer.readUInt16LE(at + 2) & typeMask, payload });
  }
  return found;
}

/** The error for bytes that do not follow the protocol. */
export function malformed(what: string): TsnetError {
  return new TsnetError('kernel', `read a netlink message: ${what}`, {
    hint: 'this may be a defect of tsnet or a kernel that it does not know; please report it',
  });
}

function leadsOutside(length: number, left: number): TsnetError {
  return malformed(`an attribute says ${length} bytes where ${left} are left`);
}

/** Of each byte. */
const hexPairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Where the next attribute starts. Fewer than 4 bytes before the end are padding, as in Linux `nla_ok()`. */
function nextAt(buffer: Buffer, at: number): number {
  const length = buffer.readUInt16LE(at);
  if (length < headerLength || at + length > buffer.length) {
    throw leadsOutside(length, buffer.length - at);
  }
  return at + align(length);
}
