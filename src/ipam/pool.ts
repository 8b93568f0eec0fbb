import {
  boundsOf,
  contains,
  familyOf,
  familyOfRange,
  invalid,
  ipFromNumber,
  ipToNumber,
  parseSubnet,
  prefixOf,
  type Ip,
  type IpFamily,
  type PoolId,
  type Subnet,
} from '../model/index.ts';

/**
 * Which pools must not overlap: those of one host, those shared by several hosts, or those of one CNI network, as each
 * of them has addresses of its own.
 */
export type AddressSpace = 'local' | 'global' | `cni-${string}`;

/** Addresses of one subnet that are handed out one by one. */
export interface Pool {
  readonly id: PoolId;
  readonly space: AddressSpace;
  readonly subnet: Subnet;
  /** The part of the subnet that addresses without a wish come from; absent means all of it. */
  readonly range?: Subnet;
  /** The address handed out last, after which the search for the next one starts. */
  readonly last?: Ip;
  /** Options as the user wrote them. */
  readonly options: Readonly<Record<string, string>>;
  /** Which engine was seen to use it: the only one whose word counts when it says that it does not. */
  readonly engine?: string;
  /** Whether tsnet made it by itself, in one with a network: without that network nobody has it. */
  readonly isOwn?: true;
  /** Seconds since 1970. */
  readonly createdAt: number;
}

/** What a pool's id says. */
export interface PoolParts {
  readonly space: AddressSpace;
  readonly subnet: Subnet;
  readonly range?: Subnet;
}

/** Addresses from `first` to `last` as numbers, both inclusive. */
export interface Bounds {
  readonly first: bigint;
  readonly last: bigint;
}

/** Addresses from `first` to `last`, both inclusive and of one family. */
export interface AddressRange {
  readonly first: Ip;
  readonly last: Ip;
}

/** The id of a pool with that content; the same content always has the same id. */
export function poolIdOf({ space, subnet, range }: PoolParts): PoolId {
  return (range === undefined ? `${space}/${subnet}` : `${space}/${subnet}/${range}`) as PoolId;
}

const idPattern = /^(local|global|cni-[^/]+)\/([^/]+\/\d+)(?:\/([^/]+\/\d+))?$/;

/**
 * Reads a pool's id, which an engine gives back as it got it.
 *
 * @throws invalid-input for anything that `poolIdOf` does not make
 */
export function parsePoolId(text: unknown, field = 'PoolID'): PoolParts & { readonly id: PoolId } {
  const match = typeof text === 'string' ? idPattern.exec(text) : null;
  if (match === null) throw invalid(field, text, 'the id of a pool such as local/10.1.0.0/24');
  const parts: PoolParts = {
    space: match[1] as AddressSpace,
    subnet: parseSubnet(match[2], field),
    ...(match[3] === undefined ? {} : { range: parseSubnet(match[3], field) }),
  };
  const id = poolIdOf(parts);
  if (id !== text || (parts.range !== undefined && !contains(parts.subnet, parts.range))) {
    throw invalid(field, text, `an id as tsnet writes it, such as ${id}`);
  }
  return { ...parts, id };
}

/** The version of a pool's addresses. */
export function familyOfPool(pool: PoolParts): IpFamily {
  return familyOfRange(pool.subnet);
}

/** The number of bits in which the addresses of a pool differ: 0 to 128. */
export function hostBitsOf(pool: PoolParts): number {
  return (familyOfPool(pool) === 4 ? 32 : 128) - prefixOf(pool.subnet);
}

/**
 * The addresses of a subnet that an interface can have. IPv4 keeps the first for the network and the last for
 * broadcast, IPv6 the first for any router. Subnets of one or two addresses keep none.
 *
 * Source: RFC 1122 section 3.2.1.3, RFC 3021 (/31), RFC 4291 section 2.6.1, RFC 6164 (/127).
 */
export function usableBounds(pool: PoolParts): Bounds {
  const { first, last } = boundsOf(pool.subnet);
  if (hostBitsOf(pool) <= 1) return { first, last };
  return { first: first + 1n, last: familyOfPool(pool) === 4 ? last - 1n : last };
}

/** The addresses that are handed out without a wish; empty if `first` is greater than `last`. */
export function dynamicBounds(pool: PoolParts): Bounds {
  const usable = usableBounds(pool);
  if (pool.range === undefined) return usable;
  const range = boundsOf(pool.range);
  return {
    first: range.first > usable.first ? range.first : usable.first,
    last: range.last < usable.last ? range.last : usable.last,
  };
}

/** The usable addresses of a pool from `first` to `last`, which need not be the bounds of any subnet. */
export function boundsWithin(pool: PoolParts, part: AddressRange): Bounds {
  const usable = usableBounds(pool);
  const [first, last] = [ipToNumber(part.first), ipToNumber(part.last)];
  return {
    first: first > usable.first ? first : usable.first,
    last: last < usable.last ? last : usable.last,
  };
}

/** The distance of an address of the pool from its first one. */
export function offsetOf(pool: PoolParts, ip: Ip): bigint {
  return ipToNumber(ip) - boundsOf(pool.subnet).first;
}

/** The address at that distance from the first one of the pool. */
export function addressAt(pool: PoolParts, offset: bigint): Ip {
  return ipFromNumber(boundsOf(pool.subnet).first + offset, familyOfPool(pool));
}

/** Whether the address lies in the pool's subnet. */
export function holds(pool: PoolParts, ip: Ip): boolean {
  return familyOf(ip) === familyOfPool(pool) && contains(pool.subnet, ip);
}
