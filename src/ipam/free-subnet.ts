import { boundsOf, familyOfRange, ipFromNumber, parseSubnet, type Subnet } from '../model/index.ts';

/**
 * The first subnet of that prefix length inside of `base` that overlaps with none of the given ones. Goes from gap to gap,
 * not from candidate to candidate, so a /64 is found in a /8 as quickly as a /16 in a /12.
 *
 * @param prefix not less than the prefix length of `base`
 * @param inUse subnets of the same version, in any order
 */
export function findFreeSubnet(base: Subnet, prefix: number, inUse: readonly Subnet[]): Subnet | undefined {
  const family = familyOfRange(base);
  const size = 1n << BigInt((family === 4 ? 32 : 128) - prefix);
  const { first, last } = boundsOf(base);
  const obstacles = inUse.map(boundsOf).sort((one, other) => (one.first < other.first ? -1 : 1));
  let candidate = first;
  for (const obstacle of obstacles) {
    if (obstacle.first >= candidate + size) break;
    if (obstacle.last >= candidate) candidate = alignUp(obstacle.last + 1n, size);
  }
  if (candidate + size - 1n > last) return undefined;
  return parseSubnet(`${ipFromNumber(candidate, family)}/${prefix}`);
}

function alignUp(number: bigint, size: bigint): bigint {
  return ((number + size - 1n) / size) * size;
}
