import { overlaps, parseSubnet, prefixOf, type Subnet } from '../model/index.ts';

// Source: RFC 6890 (special-purpose registries), RFC 1112 (multicast), RFC 4291 sections 2.5 to 2.7.
const specialRanges: readonly { readonly range: Subnet; readonly meaning: string }[] = [
  { range: parseSubnet('0.0.0.0/8'), meaning: '"this network"' },
  { range: parseSubnet('127.0.0.0/8'), meaning: 'loopback' },
  { range: parseSubnet('224.0.0.0/4'), meaning: 'multicast' },
  { range: parseSubnet('255.255.255.255/32'), meaning: 'broadcast' },
  { range: parseSubnet('::/127'), meaning: 'unspecified and loopback' },
  { range: parseSubnet('::ffff:0:0/96'), meaning: 'IPv4-mapped' },
  { range: parseSubnet('fe80::/10'), meaning: 'link-local' },
  { range: parseSubnet('ff00::/8'), meaning: 'multicast' },
];

/** Why interfaces of containers can't have addresses of that subnet, or undefined if they can. */
export function unusableReason(subnet: Subnet): string | undefined {
  if (prefixOf(subnet) === 0) return 'this is every address there is';
  const special = specialRanges.find(({ range }) => overlaps(range, subnet));
  return special && `${special.range} is ${special.meaning}`;
}
