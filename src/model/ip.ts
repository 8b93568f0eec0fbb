import { parseIp as parseNumber, stringifyIp } from 'ip-bigint';
import { invalid } from './errors.ts';

/** An IPv4 or IPv6 address in canonical text (RFC 5952 for IPv6), so that equality is `===`. */
export type Ip = string & { readonly __brand: 'Ip' };

/** The version of an address: 4 or 6. */
export type IpFamily = 4 | 6;

const decimalOctet = /^(?:0|[1-9]\d{0,2})$/;
const hexGroup = /^[0-9a-fA-F]{1,4}$/;

/**
 * Reads an address.
 *
 * @param field what the user calls the value, for the error
 * @throws invalid-input for anything but one complete IPv4 or IPv6 address: no port, zone, prefix length, or
 *   octet with leading zeros (which some readers take for octal)
 */
export function parseIp(text: unknown, field = 'address'): Ip {
  if (typeof text !== 'string' || !(isIpv4(text) || isIpv6(text))) {
    throw invalid(field, text, 'an IPv4 or IPv6 address such as 10.1.0.2 or fd00::2');
  }
  return stringifyIp(parseNumber(text)) as Ip;
}

/** The version of an address. */
export function familyOf(ip: Ip): IpFamily {
  return ip.includes(':') ? 6 : 4;
}

/** Whether an address stands for every address of its family: `0.0.0.0` or `::`. */
export function isUnspecified(ip: Ip): boolean {
  return ip === '0.0.0.0' || ip === '::';
}

/** The address as a number, 0 to 2³²−1 or 2¹²⁸−1. */
export function ipToNumber(ip: Ip): bigint {
  return parseNumber(ip).number;
}

/** The address with that number. The number must be in the range of the family. */
export function ipFromNumber(number: bigint, family: IpFamily): Ip {
  return stringifyIp({ number, version: family }) as Ip;
}

/** The 4 or 16 bytes of an address in network order. */
export function ipToBytes(ip: Ip): Uint8Array {
  const family = familyOf(ip);
  const bytes = new Uint8Array(family === 4 ? 4 : 16);
  let rest = ipToNumber(ip);
  for (let index = bytes.length - 1; index >= 0; index--) {
    bytes[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** The address whose 4 or 16 bytes in network order are given; other lengths are a defect of the caller. */
export function ipFromBytes(bytes: Uint8Array): Ip {
  let number = 0n;
  for (const byte of bytes) number = (number << 8n) | BigInt(byte);
  return ipFromNumber(number, bytes.length === 4 ? 4 : 6);
}

function isIpv4(text: string): boolean {
  const octets = text.split('.');
  return octets.length === 4 && octets.every((octet) => decimalOctet.test(octet) && Number(octet) <= 255);
}

function isIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2 || !text.includes(':')) return false;
  let groups = 0;
  for (const [position, half] of halves.entries()) {
    if (half === '') continue;
    const parts = half.split(':');
    for (const [index, part] of parts.entries()) {
      const isLast = position === halves.length - 1 && index === parts.length - 1;
      if (hexGroup.test(part)) groups += 1;
      else if (isLast && isIpv4(part)) groups += 2;
      else return false;
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}
