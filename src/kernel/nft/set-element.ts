import { TsnetError } from '../../model/errors.ts';
import { boundsOf, familyOfRange, type Subnet } from '../../model/subnet.ts';
import { ipFromBytes, ipFromNumber, ipToBytes, ipToNumber, type Ip } from '../../model/ip.ts';
import { macFromBytes, macToBytes, type Mac } from '../../model/mac.ts';
import type { IfName } from '../../model/names.ts';
import { parsePort, parseProtocol, protocolNumbers, type Port, type Protocol } from '../../model/port.ts';
import { malformed } from '../netlink/attributes.ts';

/** The types of set keys and map values that are used here, by the names that nft(8) gives them. */
export type FieldType = 'ipv4_addr' | 'ipv6_addr' | 'inet_proto' | 'inet_service' | 'ifname' | 'ether_addr';

/** One field of a key or value. A subnet stands for all its addresses, in sets with intervals only. */
export type Field = Ip | Subnet | Protocol | Port | IfName | Mac;

/** The shape of a named set or, with `data`, of a map. */
export interface SetSchema<Name extends string = string> {
  readonly name: Name;
  readonly key: readonly FieldType[];
  readonly data?: readonly FieldType[];
  /** Whether address fields of the key are subnets. Source: nft(8), `flags interval`. */
  readonly hasIntervals?: boolean;
}

/** One element of a set or map. */
export interface SetElement<Name extends string = string> {
  readonly set: SetSchema<Name>;
  readonly key: readonly Field[];
  readonly data?: readonly Field[];
  /** At most 128 bytes of UTF-8. Source: nft(8), NFTNL_UDATA_COMMENT_MAXLEN. */
  readonly comment?: string;
}

/** An element as the kernel takes it: fields in network order, each padded to registers of 4 bytes. */
export interface ElementBytes {
  readonly key: Uint8Array;
  /** The last key of an interval, inclusive; only in sets with intervals. */
  readonly keyEnd?: Uint8Array;
  readonly data?: Uint8Array;
}

/** The identity of an element in its table: no two elements with one identity can exist. */
export function identityOf(element: SetElement): string {
  return `${element.set.name} ${element.key.join(' . ')}`;
}

/** Key and value of an element in the syntax of nft(8), such as `tcp . 8080 comment "x" : 10.1.0.2 . 80`. */
export function formatElement({ set, key, data, comment }: SetElement): string {
  const mark = comment === undefined ? '' : ` comment "${comment}"`;
  const value = data === undefined || set.data === undefined ? '' : ` : ${formatFields(set.data, data)}`;
  return `${formatFields(set.key, key)}${mark}${value}`;
}

function formatFields(types: readonly FieldType[], fields: readonly Field[]): string {
  return fields.map((field, index) => (types[index] === 'ifname' ? `"${field}"` : field)).join(' . ');
}

/** The bytes of an element's key and value. */
export function encodeElement({ set, key, data }: SetElement): ElementBytes {
  return {
    key: concatenate(key.map((field, index) => encodeField(set.key[index], field, 'first'))),
    ...(set.hasIntervals === true
      ? { keyEnd: concatenate(key.map((field, index) => encodeField(set.key[index], field, 'last'))) }
      : {}),
    ...(data === undefined
      ? {}
      : { data: concatenate(data.map((field, index) => encodeField(set.data?.[index], field, 'first'))) }),
  };
}

/** The element with those bytes. @throws kernel when they are not of a set of that shape */
export function decodeElement<Name extends string>(
  set: SetSchema<Name>,
  bytes: ElementBytes,
  comment?: string,
): SetElement<Name> {
  const last = bytes.keyEnd ?? bytes.key;
  return {
    set,
    key: split(set.key, bytes.key).map((field, index) =>
      set.hasIntervals === true && isAddress(set.key[index])
        ? subnetBetween(field as Ip, split(set.key, last)[index] as Ip)
        : field,
    ),
    ...(set.data !== undefined && bytes.data !== undefined ? { data: split(set.data, bytes.data) } : {}),
    ...(comment === undefined ? {} : { comment }),
  };
}

/** Bytes of each type before padding. Source: nft(8), `nft describe`. */
export const fieldLengths: Readonly<Record<FieldType, number>> = {
  ipv4_addr: 4,
  ipv6_addr: 16,
  inet_proto: 1,
  inet_service: 2,
  ifname: 16,
  ether_addr: 6,
};

function isAddress(type: FieldType | undefined): boolean {
  return type === 'ipv4_addr' || type === 'ipv6_addr';
}

/** The length of a field in a register of the kernel, in bytes. */
export function padded(length: number): number {
  return (length + 3) & ~3;
}

function concatenate(fields: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, field) => sum + padded(field.length), 0));
  let offset = 0;
  for (const field of fields) {
    bytes.set(field, offset);
    offset += padded(field.length);
  }
  return bytes;
}

function split(types: readonly FieldType[], bytes: Uint8Array): Field[] {
  let offset = 0;
  return types.map((type) => {
    const field = decodeField(type, bytes.subarray(offset, offset + fieldLengths[type]));
    offset += padded(fieldLengths[type]);
    return field;
  });
}

function encodeField(type: FieldType | undefined, field: Field, end: 'first' | 'last'): Uint8Array {
  switch (type) {
    case 'ipv4_addr':
    case 'ipv6_addr': {
      const text = field as Ip | Subnet;
      if (!text.includes('/')) return ipToBytes(text as Ip);
      return ipToBytes(ipFromNumber(boundsOf(text as Subnet)[end], familyOfRange(text as Subnet)));
    }
    case 'inet_proto':
      return Uint8Array.of(protocolNumbers[field as Protocol]);
    case 'inet_service':
      return Uint8Array.of((field as Port) >> 8, (field as Port) & 0xff);
    case 'ifname': {
      const name = new Uint8Array(fieldLengths.ifname);
      name.set(new TextEncoder().encode(field as IfName));
      return name;
    }
    case 'ether_addr':
      return macToBytes(field as Mac);
    case undefined:
      throw new RangeError(`element with more fields than its set: ${field}`);
  }
}

function decodeField(type: FieldType, bytes: Uint8Array): Field {
  if (bytes.length < fieldLengths[type]) throw malformed(`a set element is too short for ${type}`);
  switch (type) {
    case 'ipv4_addr':
    case 'ipv6_addr':
      return ipFromBytes(bytes);
    case 'inet_proto':
      return understood(() => parseProtocol(bytes[0], 'protocol of a set element'));
    case 'inet_service':
      return understood(() => parsePort(((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0), 'port of a set element'));
    case 'ether_addr':
      return macFromBytes(bytes);
    case 'ifname':
      return new TextDecoder().decode(bytes).replace(/\0.*$/s, '') as IfName;
  }
}

/** What the kernel holds is nobody's input: others may have put it there. */
function understood<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof TsnetError) throw malformed(error.message);
    throw error;
  }
}

/** The subnet with that first and last address. */
function subnetBetween(first: Ip, last: Ip): Subnet {
  const bits = first.includes(':') ? 128 : 32;
  const size = ipToNumber(last) - ipToNumber(first) + 1n;
  return `${first}/${bits - (size.toString(2).length - 1)}` as Subnet;
}
