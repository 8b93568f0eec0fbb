import { ipFromBytes, type Ip, type IpFamily } from '../../model/ip.ts';
import type { Subnet } from '../../model/subnet.ts';
import { Attributes, malformed } from './attributes.ts';
import { align } from './message-writer.ts';
import { addressFamilies, decodeScope, type Scope } from './scope.ts';

/** A route as the kernel describes it. */
export interface Route {
  readonly family: IpFamily;
  /** Absent: the default route. */
  readonly destination: Subnet | undefined;
  /** Only for packets from here (IPv6). */
  readonly from: Subnet | undefined;
  /** 254 main, 255 local, 253 default. Source: `linux/rtnetlink.h`, RT_TABLE_*. */
  readonly table: number;
  readonly type: RouteType;
  readonly scope: Scope;
  /** Who made it: 2 the kernel, 3 at boot, 4 an administrator. Source: `/etc/iproute2/rt_protos`. */
  readonly protocol: number;
  readonly metric: number | undefined;
  readonly mtu: number | undefined;
  /** The address that connections by this route get. */
  readonly source: Ip | undefined;
  /** Where it leads: none for routes that lead nowhere, several for multipath routes. */
  readonly nextHops: readonly NextHop[];
  /** The nexthop object that it uses. */
  readonly nextHopId: number | undefined;
}

/** One way a route leads. */
export interface NextHop {
  /** Absent: the destination is on the link itself. */
  readonly gateway: Ip | undefined;
  readonly linkIndex: number | undefined;
  /** 1 to 256: its share among several. */
  readonly weight: number;
}

/** What becomes of packets. Source: ip-route(8), `linux/rtnetlink.h` RTN_*. */
export type RouteType = (typeof routeTypeNames)[number];

/** By number. */
export const routeTypeNames = [
  'unspecified',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
  'xresolve',
] as const;

/** RTA_*. Source: `linux/rtnetlink.h`. */
export const routeAttributes = {
  destination: 1,
  source: 2,
  inputLink: 3,
  outputLink: 4,
  gateway: 5,
  priority: 6,
  preferredSource: 7,
  metrics: 8,
  multipath: 9,
  table: 15,
  mark: 16,
  via: 18,
  ipProtocol: 27,
  sourcePort: 28,
  destinationPort: 29,
  nextHopId: 30,
} as const;

/** RTAX_MTU, inside RTA_METRICS. Source: `linux/rtnetlink.h`. */
export const mtuMetric = 2;

/** Bytes of struct rtmsg. Source: rtnetlink(7). */
export const routeHeaderLength = 12;

/** Bytes of struct rtnexthop. Source: `linux/rtnetlink.h`. */
const nextHopLength = 8;

/** Reads the body of RTM_NEWROUTE or RTM_DELROUTE; undefined for other families. @throws kernel when malformed */
export function decodeRoute(body: Buffer): Route | undefined {
  if (body.length < routeHeaderLength) throw malformed('a route is too short');
  const family = body[0] === addressFamilies[4] ? 4 : 6;
  if (family === 6 && body[0] !== addressFamilies[6]) return undefined;
  const attributes = new Attributes(body, routeHeaderLength);
  const type = routeTypeNames[body.readUInt8(7)] ?? 'unspecified';
  return {
    family,
    destination: range(family, attributes.ip(routeAttributes.destination), body.readUInt8(1)),
    from: range(family, attributes.ip(routeAttributes.source), body.readUInt8(2)),
    table: attributes.u32(routeAttributes.table) ?? body.readUInt8(4),
    type,
    scope: decodeScope(body.readUInt8(6)),
    protocol: body.readUInt8(5),
    metric: attributes.u32(routeAttributes.priority),
    mtu: attributes.nested(routeAttributes.metrics)?.u32(mtuMetric),
    source: attributes.ip(routeAttributes.preferredSource),
    nextHops: decodeNextHops(attributes),
    nextHopId: attributes.u32(routeAttributes.nextHopId),
  };
}

function range(family: IpFamily, ip: Ip | undefined, prefixLength: number): Subnet | undefined {
  if (prefixLength === 0) return undefined;
  return `${ip ?? (family === 4 ? '0.0.0.0' : '::')}/${prefixLength}` as Subnet;
}

function decodeNextHops(attributes: Attributes): NextHop[] {
  const several = attributes.bytes(routeAttributes.multipath);
  if (several !== undefined) return decodeMultipath(several);
  const gateway = gatewayOf(attributes);
  const linkIndex = attributes.u32(routeAttributes.outputLink);
  return gateway === undefined && linkIndex === undefined ? [] : [{ gateway, linkIndex, weight: 1 }];
}

function decodeMultipath(bytes: Buffer): NextHop[] {
  const found: NextHop[] = [];
  for (let at = 0; bytes.length - at >= nextHopLength;) {
    const length = bytes.readUInt16LE(at);
    if (length < nextHopLength || at + length > bytes.length)
      throw malformed('a next hop has a wrong length');
    const one = bytes.subarray(at, at + length);
    const gateway = gatewayOf(new Attributes(one, nextHopLength));
    found.push({ gateway, linkIndex: one.readInt32LE(4), weight: one.readUInt8(3) + 1 });
    at += align(length);
  }
  return found;
}

/** IPv4 routes may lead over an IPv6 neighbour: then RTA_VIA holds its family, 2 bytes, and its address. */
function gatewayOf(attributes: Attributes): Ip | undefined {
  const gateway = attributes.ip(routeAttributes.gateway);
  if (gateway !== undefined) return gateway;
  const address = attributes.bytes(routeAttributes.via)?.subarray(2);
  return address?.length === 4 || address?.length === 16 ? ipFromBytes(address) : undefined;
}
