import {
  TsnetError,
  boundsOf,
  familyOf,
  invalid,
  ipFromNumber,
  ipToNumber,
  type Ip,
} from '../model/index.ts';
import { clear, levelsFor, nextFree, take, type NodeStore } from './address-tree.ts';
import type { LeaseKind } from './lease.ts';
import {
  addressAt,
  boundsWithin,
  dynamicBounds,
  familyOfPool,
  holds,
  hostBitsOf,
  offsetOf,
  usableBounds,
  type AddressRange,
  type Bounds,
  type Pool,
} from './pool.ts';

/** Which address is wanted, and what for. */
export interface AddressRequest {
  readonly kind: LeaseKind;
  /** Exactly this one; absent lets the pool choose. */
  readonly address?: Ip;
  /** The part of the subnet that it comes from, also one that is wished for; absent means the pool's own range. */
  readonly within?: AddressRange;
}

/** An address and the pool as it is after that address was taken. */
export interface Allocation {
  readonly ip: Ip;
  readonly pool: Pool;
}

/**
 * Takes an address from a pool. A wish may be any usable address of the subnet. Without one, an endpoint gets the next
 * free address of the pool's range after the one handed out last, so that a freed address rests as long as possible
 * and neighbours forget its MAC; everything else gets the lowest free address of the subnet.
 *
 * @param nodes the pool's address tree; changed only on success
 * @throws invalid-input if the wish is outside the subnet or stands for the network, its broadcast or its routers
 * @throws conflict if it is taken
 * @throws exhausted if none is free
 */
export function allocate(pool: Pool, nodes: NodeStore, request: AddressRequest): Allocation {
  const { within } = request;
  if (request.address !== undefined) {
    if (within !== undefined) refuseOutside(request.address, within);
    takeAddress(pool, nodes, request.address);
    return { ip: request.address, pool };
  }
  const bounds =
    within !== undefined
      ? boundsWithin(pool, within)
      : request.kind === 'endpoint'
        ? dynamicBounds(pool)
        : usableBounds(pool);
  const start = request.kind === 'endpoint' ? offsetAfterLast(pool, bounds) : undefined;
  const offset = nextFreeAround(pool, nodes, bounds, start);
  if (offset === undefined) throw exhausted(pool, bounds);
  take(nodes, levelsOf(pool), offset);
  const ip = addressAt(pool, offset);
  return { ip, pool: request.kind === 'endpoint' ? { ...pool, last: ip } : pool };
}

/**
 * Gives an address back; an address that is free, or not of this pool, is left alone.
 *
 * @returns whether it was taken
 */
export function release(pool: Pool, nodes: NodeStore, ip: Ip): boolean {
  return holds(pool, ip) && clear(nodes, levelsOf(pool), offsetOf(pool, ip));
}

/** Whether an address is left in that part of a pool. */
export function hasFree(pool: Pool, nodes: NodeStore, within: AddressRange): boolean {
  return nextFreeAround(pool, nodes, boundsWithin(pool, within)) !== undefined;
}

function refuseOutside(ip: Ip, { first, last }: AddressRange): void {
  const number = ipToNumber(ip);
  if (familyOf(ip) === familyOf(first) && number >= ipToNumber(first) && number <= ipToNumber(last)) return;
  throw invalid('address', ip, `one from ${first} to ${last}`);
}

function takeAddress(pool: Pool, nodes: NodeStore, ip: Ip): void {
  const subject = `address ${ip}`;
  if (!holds(pool, ip)) {
    throw new TsnetError('invalid-input', `allocate ${subject}: it is outside of ${pool.subnet}`, {
      subject,
      hint: `choose an address of ${pool.subnet}`,
    });
  }
  const offset = offsetOf(pool, ip);
  const usable = offsetsOf(pool, usableBounds(pool));
  if (offset < usable.first || offset > usable.last) {
    const reason =
      familyOfPool(pool) === 6 ? 'any router of' : offset === 0n ? 'the network' : 'broadcast in';
    throw new TsnetError('invalid-input', `allocate ${subject}: it stands for ${reason} ${pool.subnet}`, {
      subject,
      hint: `choose one from ${addressAt(pool, usable.first)} to ${addressAt(pool, usable.last)}`,
    });
  }
  if (!take(nodes, levelsOf(pool), offset)) {
    throw new TsnetError('conflict', `allocate ${subject} in ${pool.subnet}: it is taken`, {
      subject,
      hint: 'choose another one or none',
    });
  }
}

function nextFreeAround(pool: Pool, nodes: NodeStore, bounds: Bounds, start?: bigint): bigint | undefined {
  const { first, last } = offsetsOf(pool, bounds);
  const levels = levelsOf(pool);
  if (start === undefined || start <= first) return nextFree(nodes, levels, first, last);
  return nextFree(nodes, levels, start, last) ?? nextFree(nodes, levels, first, start - 1n);
}

function offsetAfterLast(pool: Pool, bounds: Bounds): bigint | undefined {
  if (pool.last === undefined) return undefined;
  const start = offsetOf(pool, pool.last) + 1n;
  const { first, last } = offsetsOf(pool, bounds);
  return start >= first && start <= last ? start : undefined;
}

function offsetsOf(pool: Pool, bounds: Bounds): Bounds {
  const base = boundsOf(pool.subnet).first;
  return { first: bounds.first - base, last: bounds.last - base };
}

function levelsOf(pool: Pool): number {
  return levelsFor(hostBitsOf(pool));
}

function exhausted(pool: Pool, { first, last }: Bounds): TsnetError {
  const family = familyOfPool(pool);
  const isPart = first > usableBounds(pool).first || last < usableBounds(pool).last;
  const range = isPart ? ` (${ipFromNumber(first, family)} to ${ipFromNumber(last, family)})` : '';
  const count = last < first ? 0n : last - first + 1n;
  return new TsnetError(
    'exhausted',
    `allocate an address in ${pool.subnet}${range}: all ${count} addresses are taken`,
    {
      subject: `pool ${pool.id}`,
      hint: isPart
        ? 'remove endpoints, or make the network with a larger range (--ip-range); tsnet gc frees what nobody has any more'
        : 'remove endpoints, or make a network with a larger subnet; tsnet gc frees what nobody has any more',
    },
  );
}
