import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Attributes, listAttributes } from '../../../../src/kernel/netlink/attributes.ts';
import { MessageWriter } from '../../../../src/kernel/netlink/message-writer.ts';
import {
  decodeAcknowledgement,
  decodeDump,
  encodeMessages,
  splitMessages,
  type Reply,
} from '../../../../src/kernel/netlink/message.ts';
import { TsnetError } from '../../../../src/model/errors.ts';
import { parseIp } from '../../../../src/model/ip.ts';
import { parseMac } from '../../../../src/model/mac.ts';

const none = new Uint8Array();

const halves = (writer: MessageWriter): unknown =>
  writer.bytes(2, Buffer.alloc(40_000)).bytes(3, Buffer.alloc(40_000));

/** Bytes in hexadecimal, four at a time as messages are laid out. */
const inWords = (bytes: Buffer): string => bytes.toString('hex').replaceAll(/.{8}(?=.)/g, '$& ');

describe('MessageWriter', () => {
  it('writes attributes as struct nlattr: length, type, payload, padding', () => {
    const { body } = new MessageWriter(Buffer.of(1, 2, 3, 4)).string(3, 'eth0').u32(4, 1500).u8(5, true);
    expect(inWords(body)).toBe('01020304 09000300 65746830 00000000 08000400 dc050000 05000500 01000000');
  });

  it('patches the length of nested attributes and marks them', () => {
    const { body } = new MessageWriter(none).nested(18, (info) =>
      info.string(1, 'veth').nested(2, (data) => data.u8(1, 7), Buffer.of(9, 9, 9, 9)),
    );
    expect(inWords(body)).toBe('20001280 09000100 76657468 00000000 10000280 09090909 05000100 07000000');
  });

  it('writes nothing for what is undefined', () => {
    const writer = new MessageWriter(none)
      .u8(1, undefined)
      .u16(2, undefined)
      .u32(3, undefined)
      .s32(4, undefined);
    writer.be16(5, undefined).be32(6, undefined).string(7, undefined).bytes(8, undefined).ip(9, undefined);
    expect(writer.mac(10, undefined).flag(11, false).body.length).toBe(0);
  });

  it('refuses what a length of 16 bits can not tell', () => {
    expect(() => new MessageWriter(none).bytes(1, Buffer.alloc(65532))).toThrow(RangeError);
    expect(new MessageWriter(none).bytes(1, Buffer.alloc(65531)).body.length).toBe(65536);
    expect(() => new MessageWriter(none).nested(1, (inner) => void halves(inner))).toThrow(RangeError);
  });

  it('gives back through Attributes what it was given', () => {
    const ip = parseIp('fd00::1');
    const mac = parseMac('02:42:0a:01:00:02');
    const { body } = new MessageWriter(none)
      .u8(1, 255)
      .u16(2, 65535)
      .u32(3, 0xffff_ffff)
      .s32(4, -1)
      .be16(5, 8080)
      .be32(6, 1)
      .string(7, 'grün')
      .ip(8, ip)
      .mac(9, mac)
      .flag(10, true);
    const read = new Attributes(body);
    expect([read.u8(1), read.u16(2), read.u32(3), read.s32(4), read.be16(5), read.be32(6)]).toEqual([
      255, 65535, 0xffff_ffff, -1, 8080, 1,
    ]);
    expect([read.string(7), read.ip(8), read.mac(9), read.has(10), read.has(11)]).toEqual([
      'grün',
      ip,
      mac,
      true,
      false,
    ]);
  });
});

describe('Attributes', () => {
  it('refuses lengths that lead outside', () => {
    expect(() => new Attributes(Buffer.from('0800010001', 'hex'))).toThrow(TsnetError);
    expect(() => new Attributes(Buffer.from('00000100', 'hex'))).toThrow(/0 bytes/);
    expect(() => new Attributes(Buffer.from('03000100', 'hex'))).toThrow(TsnetError);
    expect(() => new Attributes(Buffer.from('05000100aa000000', 'hex')).u32(1)).toThrow(
      /1 bytes instead of 4/,
    );
  });

  it('reads the last of several with one type, and lists all', () => {
    const bytes = Buffer.from('05000100010000000500010002000000', 'hex');
    expect(new Attributes(bytes).u8(1)).toBe(2);
    expect(listAttributes(bytes).map(({ payload }) => payload[0])).toEqual([1, 2]);
  });

  it('takes no address of an odd length', () => {
    const { body } = new MessageWriter(none).bytes(1, Buffer.alloc(5)).bytes(2, Buffer.alloc(20));
    const read = new Attributes(body);
    expect([read.ip(1), read.mac(2), read.ip(3)]).toEqual([undefined, undefined, undefined]);
  });
});

describe('messages', () => {
  it('are numbered and padded, and split again', () => {
    const messages = [
      { type: 18, body: Buffer.of(1, 2, 3, 4, 5), doing: 'a' },
      { type: 16, flags: 0x600, body: Buffer.of(9), doing: 'b' },
    ];
    const bytes = encodeMessages(messages, 0xffff_ffff, (index) => (index === 1 ? 5 : 1));
    expect(bytes.length).toBe(24 + 20);
    expect(splitMessages(bytes)).toMatchObject([
      { type: 18, flags: 1, sequence: 0xffff_ffff, body: Buffer.of(1, 2, 3, 4, 5) },
      { type: 16, flags: 0x605, sequence: 0, body: Buffer.of(9) },
    ]);
  });

  it('refuse lengths that lead outside', () => {
    expect(() => splitMessages(Buffer.alloc(16))).toThrow(TsnetError);
    expect(() => splitMessages(Buffer.alloc(7))).toThrow(TsnetError);
    const bytes = encodeMessages([{ type: 1, body: Buffer.alloc(4), doing: '' }], 1, () => 0);
    expect(() => splitMessages(bytes.subarray(0, 18))).toThrow(/20 bytes where 18/);
  });
});

const reply = (flags: number, hex: string, type = 2): Parameters<typeof decodeAcknowledgement>[0] => ({
  type,
  flags,
  sequence: 1,
  body: Buffer.from(hex, 'hex'),
});

describe('acknowledgements', () => {
  const header = '20000000100005060100000000000000';
  const words = '0900010066756c6c00000000';

  it('tell errno and words, capped or with a copy of the request', () => {
    expect(decodeAcknowledgement(reply(0x100, `00000000${header}`))).toEqual({ errno: 0 });
    expect(decodeAcknowledgement(reply(0x300, `efffffff${header}${words}`))).toEqual({
      errno: 17,
      reason: 'full',
    });
    const whole = `efffffff${header}${'ab'.repeat(16)}${words}`;
    expect(decodeAcknowledgement(reply(0x200, whole))).toEqual({ errno: 17, reason: 'full' });
    expect(decodeAcknowledgement(reply(0, `efffffff${header}`))).toEqual({ errno: 17 });
  });

  it('at the end of a dump may hold an error, or nothing', () => {
    expect(decodeAcknowledgement(reply(2, '', 3))).toEqual({ errno: 0 });
    expect(decodeAcknowledgement(reply(2, '00000000', 3))).toEqual({ errno: 0 });
    expect(decodeAcknowledgement(reply(0x202, `fcffffff${words}`, 3))).toEqual({ errno: 4, reason: 'full' });
  });

  it('that are cut short are refused', () => {
    expect(() => decodeAcknowledgement(reply(0, 'efff'))).toThrow(TsnetError);
  });
});

const one = (type: number, flags: number, hex = '', sequence = 1): Reply => ({
  type,
  flags,
  sequence,
  body: Buffer.from(hex, 'hex'),
});

describe('dumps', () => {
  const end = one(3, 2, '00000000');
  const multi = 0x2;
  const interrupted = 0x12;

  it('give the objects of their own sequence', () => {
    const [link, late] = [one(16, multi), one(16, multi, '', 7)];
    expect(decodeDump([late, link, one(1, 0), end], 1)).toEqual([link]);
    expect(decodeDump([end], 1)).toEqual([]);
  });

  it('are read again when any message says that the list changed', () => {
    expect(decodeDump([one(16, interrupted), one(16, multi), end], 1)).toBe('again');
    expect(decodeDump([one(16, multi), one(3, interrupted, '00000000')], 1)).toBe('again');
    expect(decodeDump([one(4, 0), end], 1)).toBe('again');
    expect(decodeDump([one(16, interrupted, '', 7), end], 1)).toEqual([]);
  });

  it('that fail at the start or at the end are no list', () => {
    expect(decodeDump([one(2, 0, `ffffffff${'00'.repeat(16)}`)], 1)).toEqual({ errno: 1 });
    expect(decodeDump([one(16, multi), one(3, multi, 'f4ffffff')], 1)).toEqual({ errno: 12 });
  });
});

const orTsnetError = (decode: () => unknown): void => {
  try {
    decode();
  } catch (error) {
    if (!(error instanceof TsnetError)) throw error;
  }
};

describe('any bytes', () => {
  const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));

  it('are read or refused, never followed outside', () => {
    fc.assert(
      fc.property(bytes, fc.nat(20), (buffer, type) => {
        orTsnetError(() => new Attributes(buffer).nested(type)?.u32(type));
        orTsnetError(() => splitMessages(buffer));
        orTsnetError(() => decodeAcknowledgement({ type: 2, flags: type << 6, sequence: 1, body: buffer }));
      }),
      { numRuns: 2000 },
    );
  });
});
