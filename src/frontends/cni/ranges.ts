import * as v from 'valibot';
import {
  boundsOf,
  familyOf,
  familyOfRange,
  invalid,
  ipFromNumber,
  ipToNumber,
  overlaps,
  parseIp,
  parseSubnet,
  prefixOf,
  type Ip,
  type Subnet,
} from '../../model/index.ts';
import type { AddressSource } from '../../network/index.ts';
import { optional } from './decode.ts';

const text = optional(v.string());

/** A range as host-local has it. */
export const rangeSchema = v.object({ subnet: text, rangeStart: text, rangeEnd: text, gateway: text });

/** A range as it was written. */
export type RangeText = v.InferOutput<typeof rangeSchema>;

/** Ranges with all that is left out filled in, and the gateway always named. */
export type Range = AddressSource & { readonly gateway: Ip };

/**
 * Reads sets of ranges by the rules of host-local: the first usable address is the gateway unless another is named,
 * and addresses are given from all of the subnet unless a part is named.
 *
 * @throws invalid-input for a subnet with host bits or too small, for bounds outside, for families mixed in one set, and
 *   for ranges that overlap
 */
export function parseRanges(
  sets: readonly (readonly RangeText[])[],
  field: string,
): readonly (readonly Range[])[] {
  const parsed = sets.map((set, outer) => {
    if (set.length === 0) throw invalid(`${field}.${outer}`, set, 'at least one range');
    const ranges = set.map((range, inner) => parseRange(range, `${field}.${outer}.${inner}`));
    const family = familyOfRange((ranges[0] as Range).subnet);
    const other = ranges.find(({ subnet }) => familyOfRange(subnet) !== family);
    if (other !== undefined) {
      throw invalid(`${field}.${outer}`, other.subnet, `ranges of IPv${family} only, as the first one is`);
    }
    return ranges;
  });
  refuseOverlaps(parsed, field);
  return parsed;
}

function parseRange(range: RangeText, field: string): Range {
  const subnet = parseSubnet(range.subnet, `${field}.subnet`);
  if (
    range.subnet?.split('/')[0] !== undefined &&
    parseIp(range.subnet.split('/')[0]) !== networkOf(subnet)
  ) {
    throw invalid(`${field}.subnet`, range.subnet, `no host bits, as in ${subnet}`);
  }
  const hostBits = (familyOfRange(subnet) === 4 ? 32 : 128) - prefixOf(subnet);
  if (hostBits < 2) {
    throw invalid(
      `${field}.subnet`,
      range.subnet,
      'room for a gateway and an attachment: a prefix length of at most 30, or 126 for IPv6',
    );
  }
  const family = familyOfRange(subnet);
  const all = boundsOf(subnet);
  const usable = { first: all.first + 1n, last: family === 4 ? all.last - 1n : all.last };
  const inside = (value: string | undefined, name: string): bigint | undefined => {
    if (!value) return undefined;
    const ip = parseIp(value, `${field}.${name}`);
    const number = ipToNumber(ip);
    if (familyOf(ip) === family && number >= all.first && number <= all.last) return number;
    throw invalid(`${field}.${name}`, value, `an address of ${subnet}`);
  };
  const start = inside(range.rangeStart, 'rangeStart') ?? usable.first;
  const end = inside(range.rangeEnd, 'rangeEnd') ?? usable.last;
  const first = start < usable.first ? usable.first : start;
  const last = end > usable.last ? usable.last : end;
  if (first > last) {
    const name = range.rangeEnd ? 'rangeEnd' : 'rangeStart';
    throw invalid(`${field}.${name}`, range[name], `a range with at least one usable address of ${subnet}`);
  }
  return {
    subnet,
    gateway: gatewayOf(range.gateway, subnet, `${field}.gateway`) ?? ipFromNumber(usable.first, family),
    first: ipFromNumber(first, family),
    last: ipFromNumber(last, family),
  };
}

function gatewayOf(value: string | undefined, subnet: Subnet, field: string): Ip | undefined {
  if (!value) return undefined;
  const ip = parseIp(value, field);
  if (familyOf(ip) !== familyOfRange(subnet)) {
    throw invalid(field, value, `an address of IPv${familyOfRange(subnet)}, as ${subnet} is`);
  }
  return ip;
}

function networkOf(subnet: Subnet): Ip {
  return subnet.slice(0, subnet.indexOf('/')) as Ip;
}

/** Parts of one subnet may be given apart; but what is the same subnet must be it completely, with one gateway. */
function refuseOverlaps(sets: readonly (readonly Range[])[], field: string): void {
  const all = sets.flatMap((set, outer) =>
    set.map((range, inner) => ({ range, name: `${field}.${outer}.${inner}` })),
  );
  for (const [index, { range, name }] of all.entries()) {
    for (const { range: other, name: otherName } of all.slice(0, index)) {
      if (!overlaps(range.subnet, other.subnet)) continue;
      if (range.subnet !== other.subnet || share(range, other)) {
        throw invalid(
          name,
          describe(range),
          `a range that does not overlap ${describe(other)} of ${otherName}`,
        );
      }
      if (range.gateway !== other.gateway) {
        throw invalid(`${name}.gateway`, range.gateway, `${other.gateway}, the one of ${otherName}`);
      }
    }
  }
}

function share(one: Range, other: Range): boolean {
  return ipToNumber(one.first) <= ipToNumber(other.last) && ipToNumber(other.first) <= ipToNumber(one.last);
}

function describe({ subnet, first, last }: Range): string {
  return `${subnet} (${first} to ${last})`;
}
