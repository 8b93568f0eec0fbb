/**
 * A message of protocol buffers by the numbers of its fields: text is a string field, a number or a boolean a varint, an
 * object a message, and a list as many fields of that number.
 */
export interface Fields {
  readonly [field: number]: FieldValue | undefined;
}

/** What a field holds; numbers are not negative. */
export type FieldValue = string | number | boolean | Fields | readonly (string | Fields)[];

/** A `map<string, string>` as it is on the wire: a message for each entry. */
export function mapField(map: Readonly<Record<string, string>>): readonly Fields[] {
  return Object.entries(map).map(([key, value]) => ({ 1: key, 2: value }));
}

/** Writes a message. Source: protobuf.dev, Encoding. */
export function encodeMessage(fields: Fields): Buffer {
  const parts = Object.entries(fields).flatMap(([field, value]: [string, FieldValue | undefined]) => {
    const values = value === undefined ? [] : isList(value) ? value : [value];
    return values.map((each) => encodeField(Number(field), each));
  });
  return Buffer.concat(parts);
}

function isList(value: FieldValue): value is readonly (string | Fields)[] {
  return Array.isArray(value);
}

function encodeField(field: number, value: string | number | boolean | Fields): Buffer {
  if (typeof value === 'number' || typeof value === 'boolean') {
    return Buffer.concat([varint((field << 3) | 0), varint(Number(value))]);
  }
  const bytes = typeof value === 'string' ? Buffer.from(value) : encodeMessage(value);
  return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

/** A message that was read: what is asked for and not there is empty, as the format wants it. */
export class Message {
  readonly #fields = new Map<number, (Buffer | bigint)[]>();

  /** @throws {RangeError} it ends too early */
  constructor(bytes: Buffer) {
    let at = 0;
    const readVarint = (): bigint => {
      let value = 0n;
      for (let shift = 0n; ; shift += 7n) {
        const byte = bytes.readUInt8(at++);
        value |= BigInt(byte & 127) << shift;
        if (byte < 128) return value;
      }
    };
    const readBytes = (length: number): Buffer => {
      at += length;
      if (at > bytes.length) throw new RangeError('the message ends too early');
      return bytes.subarray(at - length, at);
    };
    while (at < bytes.length) {
      const tag = Number(readVarint());
      const value = this.#read(tag & 7, readVarint, readBytes);
      this.#fields.set(tag >> 3, [...(this.#fields.get(tag >> 3) ?? []), value]);
    }
  }

  #read(type: number, readVarint: () => bigint, readBytes: (length: number) => Buffer): Buffer | bigint {
    if (type === 0) return readVarint();
    if (type === 1) return readBytes(8);
    if (type === 2) return readBytes(Number(readVarint()));
    if (type === 5) return readBytes(4);
    throw new RangeError(`a field of type ${type}`);
  }

  /** The last value of a varint field, or 0. */
  number(field: number): number {
    const last = this.#fields.get(field)?.at(-1);
    return typeof last === 'bigint' ? Number(last) : 0;
  }

  /** The last value of a string field. */
  text(field: number): string {
    return this.#bytes(field).at(-1)?.toString() ?? '';
  }

  /** All values of a field with messages. */
  messages(field: number): readonly Message[] {
    return this.#bytes(field).map((bytes) => new Message(bytes));
  }

  /** The last one of them, or an empty message. */
  message(field: number): Message {
    return this.messages(field).at(-1) ?? new Message(Buffer.alloc(0));
  }

  #bytes(field: number): readonly Buffer[] {
    return (this.#fields.get(field) ?? []).filter((value) => typeof value !== 'bigint');
  }
}
