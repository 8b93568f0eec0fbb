import { familyOf, ipToBytes, type Ip } from '../../model/index.ts';

// Blocks of the file format pcapng. Source: draft-ietf-opsawg-pcapng. Numbers are little-endian, as the section
// header says.

/** An interface as a section describes it. */
export interface InterfaceBlock {
  readonly name: string;
  readonly description: string;
  /** What was filtered for, as text. */
  readonly filter?: string;
  /** False when packets begin with the IP header. */
  readonly hasLinkHeader: boolean;
  /** The most bytes of a packet that are kept; 0 means all. */
  readonly snapLength: number;
}

/** A packet in a section. */
export interface PacketBlock {
  /** Position of its interface's block in the section. */
  readonly interfaceId: number;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly direction: 'in' | 'out';
  /** Bytes that it had, of which `data` may be the first only. */
  readonly length: number;
  readonly data: Uint8Array;
}

/** What an interface met during the capture. */
export interface StatisticsBlock {
  readonly interfaceId: number;
  readonly start: bigint;
  readonly end: bigint;
  /** Packets that passed the filter. */
  readonly received: number;
  readonly dropped: number;
}

/** Begins a section. */
export function sectionHeader(about: {
  readonly os: string;
  readonly program: string;
  readonly comment?: string;
}): Buffer {
  const fixed = Buffer.alloc(16);
  fixed.writeUInt32LE(byteOrderMagic, 0);
  fixed.writeUInt16LE(1, 4);
  // Not known beforehand.
  fixed.writeBigInt64LE(-1n, 8);
  return block(blockTypes.section, fixed, [
    text(optionCodes.os, about.os),
    text(optionCodes.program, about.program),
    ...(about.comment === undefined ? [] : [text(optionCodes.comment, about.comment)]),
  ]);
}

/** Describes an interface; the first in a section is number 0. */
export function interfaceDescription({
  name,
  description,
  filter,
  hasLinkHeader,
  snapLength,
}: InterfaceBlock): Buffer {
  const fixed = Buffer.alloc(8);
  fixed.writeUInt16LE(hasLinkHeader ? linkTypes.ethernet : linkTypes.raw, 0);
  fixed.writeUInt32LE(snapLength, 4);
  return block(blockTypes.interface, fixed, [
    text(optionCodes.interfaceName, name),
    text(optionCodes.interfaceDescription, description),
    option(optionCodes.timestampResolution, Uint8Array.of(9)),
    // The first byte says that text follows.
    ...(filter === undefined ? [] : [option(optionCodes.filter, Buffer.from(`\0${filter}`))]),
  ]);
}

/** Names of addresses. A name that is too long for its record is left out. */
export function nameResolution(
  names: readonly { readonly ip: Ip; readonly names: readonly string[] }[],
): Buffer {
  const records = names.flatMap(({ ip, names: all }) => {
    const value = Buffer.concat([
      ipToBytes(ip),
      ...all.map((name) => Buffer.from(`${name.replaceAll('\0', '')}\0`)),
    ]);
    return value.length > 0xffff
      ? []
      : [option(familyOf(ip) === 4 ? recordTypes.ip4 : recordTypes.ip6, value)];
  });
  return block(blockTypes.names, Buffer.concat([...records, endOfOptions]));
}

/** A packet, as long as `data` is. Written in one piece, as there may be very many. */
export function enhancedPacket({ interfaceId, time, direction, length, data }: PacketBlock): Buffer {
  const dataLength = (data.length + 3) & ~3;
  const total = 8 + 20 + dataLength + 12 + 4;
  const bytes = Buffer.allocUnsafe(total);
  bytes.writeUInt32LE(blockTypes.packet, 0);
  bytes.writeUInt32LE(total, 4);
  bytes.writeUInt32LE(interfaceId, 8);
  writeTime(bytes, 12, time);
  bytes.writeUInt32LE(data.length, 20);
  bytes.writeUInt32LE(length, 24);
  bytes.set(data, 28);
  bytes.fill(0, 28 + data.length, 28 + dataLength);
  const options = 28 + dataLength;
  bytes.writeUInt16LE(optionCodes.packetFlags, options);
  bytes.writeUInt16LE(4, options + 2);
  bytes.writeUInt32LE(direction === 'in' ? 1 : 2, options + 4);
  bytes.writeUInt32LE(0, options + 8);
  bytes.writeUInt32LE(total, options + 12);
  return bytes;
}

/** Ends what is told of an interface. */
export function interfaceStatistics({ interfaceId, start, end, received, dropped }: StatisticsBlock): Buffer {
  const fixed = Buffer.alloc(12);
  fixed.writeUInt32LE(interfaceId, 0);
  writeTime(fixed, 4, end);
  return block(blockTypes.statistics, fixed, [
    option(optionCodes.startTime, timeOf(start)),
    option(optionCodes.endTime, timeOf(end)),
    // All that the kernel counts has passed the filter; what it dropped is among it.
    option(optionCodes.received, count(received)),
    option(optionCodes.dropped, count(dropped)),
    option(optionCodes.filterAccepted, count(received)),
    option(optionCodes.delivered, count(received - dropped)),
  ]);
}

const byteOrderMagic = 0x1a2b3c4d;
const blockTypes = { section: 0x0a0d0d0a, interface: 1, names: 4, statistics: 5, packet: 6 } as const;
const linkTypes = { ethernet: 1, raw: 101 } as const;
const recordTypes = { ip4: 1, ip6: 2 } as const;
const optionCodes = {
  comment: 1,
  os: 3,
  program: 4,
  interfaceName: 2,
  interfaceDescription: 3,
  timestampResolution: 9,
  filter: 11,
  packetFlags: 2,
  startTime: 2,
  endTime: 3,
  received: 4,
  dropped: 5,
  filterAccepted: 6,
  delivered: 8,
} as const;
const endOfOptions = Buffer.alloc(4);
const longestOption = 0xffff;

function block(type: number, body: Uint8Array, options: readonly Buffer[] = []): Buffer {
  const parts = options.length === 0 ? [body] : [body, ...options, endOfOptions];
  const length = 12 + parts.reduce((sum, part) => sum + part.length, 0);
  const [head, tail] = [Buffer.alloc(8), Buffer.alloc(4)];
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(length, 4);
  tail.writeUInt32LE(length, 0);
  return Buffer.concat([head, ...parts, tail]);
}

function option(code: number, value: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(code, 0);
  head.writeUInt16LE(value.length, 2);
  return Buffer.concat([head, padded(value)]);
}

function text(code: number, value: string): Buffer {
  const bytes = Buffer.from(value);
  return option(code, bytes.subarray(0, longestOption));
}

function padded(bytes: Uint8Array): Uint8Array {
  const missing = -bytes.length & 3;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}

function count(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function timeOf(time: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  writeTime(bytes, 0, time);
  return bytes;
}

/** The upper half comes first. */
function writeTime(bytes: Buffer, at: number, time: bigint): void {
  bytes.writeUInt32LE(Number(BigInt.asUintN(32, time >> 32n)), at);
  bytes.writeUInt32LE(Number(BigInt.asUintN(32, time)), at + 4);
}
