import type { Ip, IpFamily } from '../../model/ip.ts';
import { Attributes, malformed } from '../netlink/attributes.ts';
import { addressFamilies } from '../netlink/scope.ts';

/** One direction of a tracked flow. */
export interface FlowTuple {
  readonly source: Ip | undefined;
  readonly destination: Ip | undefined;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
}

/** A flow that the kernel tracks, with the translation it got when it began. */
export interface Flow {
  readonly family: IpFamily;
  /** The number in the IP header. */
  readonly protocol: number | undefined;
  /** As the first packet was sent. */
  readonly original: FlowTuple;
  /** As answers are expected: its source is where the flow was translated to. */
  readonly reply: FlowTuple;
  /** What the kernel takes to name exactly this flow again: tuple, zone and id as it sent them. */
  readonly identity: FlowIdentity;
}

/** Attributes of a flow, unread. */
export interface FlowIdentity {
  readonly tuple: Buffer;
  readonly zone: Buffer | undefined;
  readonly id: Buffer | undefined;
}

/** CTA_*. Source: `linux/netfilter/nfnetlink_conntrack.h`. */
export const flowAttributes = { original: 1, reply: 2, id: 12, zone: 18, filter: 25 } as const;
/** CTA_TUPLE_*, CTA_IP_* and CTA_PROTO_*. Source: as above. */
export const tupleAttributes = { ip: 1, protocol: 2 } as const;
const ipAttributes = { source4: 1, destination4: 2, source6: 3, destination6: 4 } as const;
export const protocolAttributes = { number: 1, sourcePort: 2, destinationPort: 3 } as const;

/** Bytes of struct nfgenmsg. Source: `linux/netfilter/nfnetlink.h`. */
export const netfilterHeaderLength = 4;

/** Reads the body of IPCTNL_MSG_CT_NEW; undefined for other families. @throws kernel when it is malformed */
export function decodeFlow(body: Buffer): Flow | undefined {
  if (body.length < netfilterHeaderLength) throw malformed('a flow is too short');
  const family = body[0] === addressFamilies[4] ? 4 : 6;
  if (body[0] !== addressFamilies[family]) return undefined;
  const attributes = new Attributes(body, netfilterHeaderLength);
  const original = attributes.nested(flowAttributes.original);
  const reply = attributes.nested(flowAttributes.reply);
  const tuple = attributes.bytes(flowAttributes.original);
  if (original === undefined || reply === undefined || tuple === undefined) return undefined;
  return {
    family,
    protocol: original.nested(tupleAttributes.protocol)?.u8(protocolAttributes.number),
    original: decodeTuple(original),
    reply: decodeTuple(reply),
    identity: {
      tuple,
      zone: attributes.bytes(flowAttributes.zone),
      id: attributes.bytes(flowAttributes.id),
    },
  };
}

function decodeTuple(tuple: Attributes): FlowTuple {
  const ip = tuple.nested(tupleAttributes.ip);
  const protocol = tuple.nested(tupleAttributes.protocol);
  return {
    source: ip?.ip(ipAttributes.source4) ?? ip?.ip(ipAttributes.source6),
    destination: ip?.ip(ipAttributes.destination4) ?? ip?.ip(ipAttributes.destination6),
    sourcePort: protocol?.be16(protocolAttributes.sourcePort),
    destinationPort: protocol?.be16(protocolAttributes.destinationPort),
  };
}
