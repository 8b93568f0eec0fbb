import { containsCidr, overlapCidr, parseCidr } from 'cidr-tools';
import { invalid } from './errors.ts';
import { familyOf, ipFromNumber, ipToNumber, parseIp, type Ip, type IpFamily } from './ip.ts';

/** A range of addresses with host bits cleared, such as `10.1.0.0/24`. */
export type Subnet = string & { readonly __brand: 'Subnet' };

/** An address with the prefix length of its subnet, such as `10.1.0.2/24`. */
export type Address = string & { readonly __brand: 'Address' };

const cidrPattern = /^([^/]+)\/(0|[1-9]\d{0,2})$/;

/**
 * Reads a subnet; host bits are cleared, so `10.1.0.7/24` gives `10.1.0.0/24`.
 *
 * @throws invalid-input when the text is no address, a slash and a prefix length of that family
 */
export function parseSubnet(text: unknown, field = 'subnet'): Subnet {
  const { ip, prefix } = parseParts(text, field);
  const family = familyOf(ip);
  const hostBits = BigInt((family === 4 ? 32 : 128) - prefix);
  const first = (ipToNumber(ip) >> hostBits) << hostBits;
  return `${ipFromNumber(first, family)}/${prefix}` as Subnet;
}

/**
 * Reads an address with its prefix length; host bits are kept.
 *
 * @throws invalid-input as `parseSubnet`
 */
export function parseAddress(text: unknown, field = 'address'): Address {
  const { ip, prefix } = parseParts(text, field);
  return `${ip}/${prefix}` as Address;
}

/** The address with the prefix length of its subnet. */
export function addressIn(ip: Ip, subnet: Subnet): Address {
  return `${ip}/${prefixOf(subnet)}` as Address;
}

/** The address without its prefix length. */
export function ipOf(address: Address): Ip {
  return address.slice(0, address.indexOf('/')) as Ip;
}

/** The prefix length: 0 to 32 or 0 to 128. */
export function prefixOf(range: Subnet | Address): number {
  return Number(range.slice(range.indexOf('/') + 1));
}

/** The subnet that an address with prefix length lies in. */
export function subnetOf(address: Address): Subnet {
  return parseSubnet(address);
}

/** The version of a subnet or of an address with prefix length. */
export function familyOfRange(range: Subnet | Address): IpFamily {
  return range.includes(':') ? 6 : 4;
}

/** What a default route leads to: every address of a family. */
export function everywhere(family: IpFamily): Subnet {
  return (family === 4 ? '0.0.0.0/0' : '::/0') as Subnet;
}

/** The first and the last address as numbers, both inclusive. */
export function boundsOf(subnet: Subnet): { readonly first: bigint; readonly last: bigint } {
  const { start, end } = parseCidr(subnet);
  return { first: start, last: end };
}

/** Whether `outer` holds all of `inner`, a subnet or one address. Families that differ never do. */
export function contains(outer: Subnet, inner: Subnet | Ip): boolean {
  return containsCidr(outer, inner);
}

/** Whether two subnets share an address. */
export function overlaps(one: Subnet, other: Subnet): boolean {
  return overlapCidr(one, other);
}

function parseParts(text: unknown, field: string): { ip: Ip; prefix: number } {
  const match = typeof text === 'string' ? cidrPattern.exec(text) : null;
  if (match === null) throw invalid(field, text, 'a range in CIDR form such as 10.1.0.0/24 or fd00:1::/64');
  let ip: Ip;
  try {
    ip = parseIp(match[1], field);
  } catch {
    throw invalid(field, text, 'a range in CIDR form whose address is valid, such as 10.1.0.0/24');
  }
  const prefix = Number(match[2]);
  const longest = familyOf(ip) === 4 ? 32 : 128;
  if (prefix > longest) {
    throw invalid(field, text, `a prefix length from 0 to ${longest} for IPv${familyOf(ip)}`);
  }
  return { ip, prefix };
}
