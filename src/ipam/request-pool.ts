import {
  TsnetError,
  contains,
  familyOfRange,
  invalid,
  overlaps,
  prefixOf,
  type IpFamily,
  type Subnet,
} from '../model/index.ts';
import { defaultRanges, type DefaultRange } from './default-ranges.ts';
import { findFreeSubnet } from './free-subnet.ts';
import { dynamicBounds, poolIdOf, type AddressSpace, type Pool, type PoolParts } from './pool.ts';
import { unusableReason } from './special-ranges.ts';

/** What pool is wanted. */
export interface PoolRequest {
  readonly space: AddressSpace;
  /** Exactly this one; absent chooses one that is free. */
  readonly subnet?: Subnet;
  /** The part of the subnet that addresses without a wish come from. */
  readonly range?: Subnet;
  /** The version of a chosen pool; 4 if absent. */
  readonly family?: IpFamily;
  /** Kept as the user wrote them. */
  readonly options?: Readonly<Record<string, string>>;
}

/** Where chosen pools come from, and the time. */
export interface PoolDefaults {
  /** The blocks that chosen pools are cut from, in order. */
  readonly ranges?: Readonly<Record<IpFamily, readonly DefaultRange[]>>;
  /** Seconds since 1970; now, if absent. */
  readonly createdAt?: number;
}

/**
 * The pool for a request. A named subnet is taken as it is; a chosen one avoids every pool and every route of the host.
 *
 * @param pools every pool there is; those of other address spaces only keep chosen subnets away
 * @param hostRoutes the destinations of the host's routes, which only chosen subnets avoid
 * @throws invalid-input if subnet or range can't be used
 * @throws conflict if the subnet overlaps with a pool of the same space
 * @throws exhausted if nothing is left to choose
 */
export function requestPool(
  pools: readonly PoolParts[],
  hostRoutes: readonly Subnet[],
  request: PoolRequest,
  { ranges = defaultRanges, createdAt = Math.floor(Date.now() / 1000) }: PoolDefaults = {},
): Pool {
  const { space, range, family = 4, options = {} } = request;
  if (request.subnet === undefined && range !== undefined) {
    throw invalid('range', range, 'a range only together with the subnet that it is a part of');
  }
  const subnet = request.subnet ?? chooseSubnet(pools, hostRoutes, ranges[family], family);
  const parts: PoolParts = { space, subnet, ...(range === undefined ? {} : { range }) };
  if (request.subnet !== undefined) assertUsable(parts, pools);
  return { ...parts, id: poolIdOf(parts), options, createdAt };
}

function assertUsable(parts: PoolParts, pools: readonly PoolParts[]): void {
  const { space, subnet, range } = parts;
  const reason = unusableReason(subnet);
  if (reason !== undefined) throw invalid('subnet', subnet, `addresses for containers; ${reason}`);
  if (range !== undefined) assertRange(parts, range);
  const other = pools.find((pool) => pool.space === space && overlaps(pool.subnet, subnet));
  if (other !== undefined) {
    throw new TsnetError('conflict', `request pool ${subnet}: it overlaps with the pool ${other.subnet}`, {
      subject: `pool ${poolIdOf(other)}`,
      hint: 'choose another subnet, or remove the network that has the other one',
    });
  }
}

function assertRange(parts: PoolParts, range: Subnet): void {
  if (familyOfRange(range) !== familyOfRange(parts.subnet) || !contains(parts.subnet, range)) {
    throw invalid('range', range, `a part of the subnet ${parts.subnet}`);
  }
  const { first, last } = dynamicBounds(parts);
  if (first > last) throw invalid('range', range, `at least one usable address of ${parts.subnet}`);
}

// A prefix length of 0 is the default route. VPN clients write it as two routes of length 1, to win over the
// one that is there, and mean "everything else" as well.
const longestDefaultRoute = 1;

function chooseSubnet(
  pools: readonly PoolParts[],
  hostRoutes: readonly Subnet[],
  ranges: readonly DefaultRange[],
  family: IpFamily,
): Subnet {
  const inUse = [
    ...pools.map(({ subnet }) => subnet),
    ...hostRoutes.filter((route) => prefixOf(route) > longestDefaultRoute),
  ].filter((subnet) => familyOfRange(subnet) === family);
  for (const range of ranges) {
    const subnet = findFreeSubnet(range.base, range.prefix, inUse);
    if (subnet !== undefined) return subnet;
  }
  const bases = ranges.map(({ base }) => base).join(', ');
  throw new TsnetError(
    'exhausted',
    `choose an IPv${family} pool: every one of ${bases} overlaps with a pool or a route of the host`,
    { subject: `IPv${family} pools`, hint: 'name a subnet, or remove networks that are not used' },
  );
}
