import { ipToBytes, type Ip } from '../../model/ip.ts';
import { macToBytes, type Mac } from '../../model/mac.ts';

/** Marks an attribute whose payload is attributes. Source: `linux/netlink.h`, NLA_F_NESTED. */
export const nestedFlag = 0x8000;

const attributeHeaderLength = 4;
/** The length field of an attribute has 16 bits and counts its header. */
const longestPayload = 0xffff - attributeHeaderLength;

/**
 * Builds the body of a netlink message: a fixed header, then attributes. An attribute whose value is undefined is
 * not written, so that optional values need no condition at the caller. Numbers are little-endian, as on every
 * machine tsnet runs on; the `be` methods write network order.
 *
 * Source: `linux/netlink.h` (struct nlattr), netlink(7).
 */
export class MessageWriter {
  #buffer: Buffer;
  #length = 0;

  /** @param header the family's fixed header, such as struct ifinfomsg; padded to 4 bytes here */
  constructor(header: Uint8Array) {
    this.#buffer = Buffer.alloc(256);
    this.#append(header);
  }

  /** The body as written so far; valid until the next write. */
  get body(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** An attribute without payload, present when `isSet`. */
  flag(type: number, isSet: boolean | undefined): this {
    if (isSet === true) this.#reserve(type, 0);
    return this;
  }

  u8(type: number, value: number | boolean | undefined): this {
    if (value === undefined) return this;
    const offset = this.#reserve(type, 1);
    this.#buffer.writeUInt8(Number(value), offset);
    return this;
  }

  u16(type: number, value: number | undefined): this {
    if (value === undefined) return this;
    const offset = this.#reserve(type, 2);
    this.#buffer.writeUInt16LE(value, offset);
    return this;
  }

  u32(type: number, value: number | undefined): this {
    if (value === undefined) return this;
    const offset = this.#reserve(type, 4);
    this.#buffer.writeUInt32LE(value, offset);
    return this;
  }

  s32(type: number, value: number | undefined): this {
    if (value === undefined) return this;
    const offset = this.#reserve(type, 4);
    this.#buffer.writeInt32LE(value, offset);
    return this;
  }

  /** A 16-bit number in network order. */
  be16(type: number, value: number | undefined): this {
    if (value === undefined) return this;
    const offset = this.#reserve(type, 2);
    this.#buffer.writeUInt16BE(value, offset);
    return this;
  }

  /** A 32-bit number in network order. */
  be32(type: number, value: number | undefined): this {
    if (value === undefined) return this;
    const offset = this.#reserve(type, 4);
    this.#buffer.writeUInt32BE(value, offset);
    return this;
  }

  /** Text in UTF-8 with a closing zero byte. */
  string(type: number, value: string | undefined): this {
    return value === undefined ? this : this.bytes(type, Buffer.from(`${value}\0`));
  }

  bytes(type: number, value: Uint8Array | undefined): this {
    if (value !== undefined) {
      const start = this.#reserve(type, value.length);
      this.#buffer.set(value, start);
    }
    return this;
  }

  ip(type: number, value: Ip | undefined): this {
    return value === undefined ? this : this.bytes(type, ipToBytes(value));
  }

  mac(type: number, value: Mac | undefined): this {
    return value === undefined ? this : this.bytes(type, macToBytes(value));
  }

  /** An attribute whose payload is what `write` writes; a fixed header may come first. */
  nested(type: number, write: (inner: this) => void, header?: Uint8Array): this {
    const start = this.#reserve(type | nestedFlag, 0) - attributeHeaderLength;
    if (header !== undefined) this.#append(header);
    write(this);
    this.#buffer.writeUInt16LE(checkedLength(this.#length - start - attributeHeaderLength), start);
    return this;
  }

  /** Writes the header of an attribute and gives the offset of its zeroed payload. The buffer may be another one after it. */
  #reserve(type: number, payloadLength: number): number {
    const start = this.#grow(attributeHeaderLength + payloadLength);
    this.#buffer.writeUInt16LE(checkedLength(payloadLength), start);
    this.#buffer.writeUInt16LE(type, start + 2);
    return start + attributeHeaderLength;
  }

  #append(bytes: Uint8Array): void {
    const start = this.#grow(bytes.length);
    this.#buffer.set(bytes, start);
  }

  /** Makes room for so many bytes and their padding, zeroed; gives the offset of the first. */
  #grow(length: number): number {
    const start = this.#length;
    this.#length = align(start + length);
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.alloc(2 * this.#length);
      larger.set(this.#buffer.subarray(0, start));
      this.#buffer = larger;
    }
    return start;
  }
}

/** The next multiple of 4: every message and attribute starts at one. Source: netlink(7), NLMSG_ALIGNTO. */
export function align(length: number): number {
  return (length + 3) & ~3;
}

function checkedLength(payloadLength: number): number {
  if (payloadLength > longestPayload) {
    throw new RangeError(`a netlink attribute holds at most ${longestPayload} bytes, not ${payloadLength}`);
  }
  return attributeHeaderLength + payloadLength;
}
