import { ipFromBytes, type Ip } from '../../model/index.ts';

/** What the headers of a packet say, as far as a line of text shows it. */
export interface Frame {
  readonly source: Ip;
  readonly destination: Ip;
  /** IP protocol number. */
  readonly protocol: number;
  /** Absent without ports. */
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** Bytes behind the transport header. */
  readonly payload: number;
  readonly ttl: number;
  /** TCP only. */
  readonly tcp?: { readonly flags: number; readonly sequence: number; readonly acknowledgement: number };
  /** ICMP errors only. */
  readonly error?: { readonly type: number; readonly code: number; readonly about: Frame | undefined };
  /**
   * The same on every interface that the packet crosses, whatever translates its addresses and ports on the way: made
   * of what translation leaves alone. Two packets with the same may exist, such as a repetition in IPv6.
   */
  readonly identity: string;
}

/** TCP flags. Source: RFC 9293. */
export const tcpFlags = { fin: 1, syn: 2, reset: 4, push: 8, acknowledge: 16 } as const;

/** Reads a captured packet; undefined for what is neither IPv4 nor IPv6, and for what is too short to tell. */
export function decodeFrame(data: Buffer, hasLinkHeader: boolean): Frame | undefined {
  try {
    return decodeIp(hasLinkHeader ? data.subarray(linkHeaderLength(data)) : data);
  } catch (error) {
    // Reads behind the end.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** 802.1Q and 802.1ad tags have 4 bytes each. Source: IEEE 802.1Q. */
function linkHeaderLength(data: Buffer): number {
  let at = 12;
  while (data.readUInt16BE(at) === 0x8100 || data.readUInt16BE(at) === 0x88a8) at += 4;
  return at + 2;
}

const protocols = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 } as const;

function decodeIp(packet: Buffer): Frame | undefined {
  const version = packet.readUInt8(0) >> 4;
  if (version === 4) {
    const header = (packet.readUInt8(0) & 15) * 4;
    const fragment = packet.readUInt16BE(6) & 0x1fff;
    return decodeTransport(packet, header, packet.readUInt16BE(2) - header, fragment > 0, {
      source: ip4At(packet, 12),
      destination: ip4At(packet, 16),
      protocol: packet.readUInt8(9),
      ttl: packet.readUInt8(8),
      identity: `4 ${packet.readUInt16BE(4)} ${fragment}`,
    });
  }
  if (version !== 6) return undefined;
  return decodeTransport(packet, 40, packet.readUInt16BE(4), false, {
    source: ipFromBytes(packet.subarray(8, 24)),
    destination: ipFromBytes(packet.subarray(24, 40)),
    protocol: packet.readUInt8(6),
    ttl: packet.readUInt8(7),
    identity: `6 ${packet.readUIntBE(1, 3) & 0xfffff}`,
  });
}

/** As `ipFromBytes`, which would take most of the time that a packet takes. */
function ip4At(packet: Buffer, at: number): Ip {
  return [0, 1, 2, 3].map((offset) => packet.readUInt8(at + offset)).join('.') as Ip;
}

/** Bytes of the payload that tell packets apart which have no sequence number. */
const comparedPayload = 64;

function decodeTransport(
  packet: Buffer,
  start: number,
  length: number,
  isLaterFragment: boolean,
  base: Pick<Frame, 'source' | 'destination' | 'protocol' | 'ttl' | 'identity'>,
): Frame {
  const identity = `${base.identity} ${base.protocol} ${length}`;
  const without = { ...base, payload: length, identity };
  if (isLaterFragment) return without;
  const ports = () => ({
    sourcePort: packet.readUInt16BE(start),
    destinationPort: packet.readUInt16BE(start + 2),
  });
  switch (base.protocol) {
    case protocols.tcp: {
      // An ICMP error need not hold more than the ports.
      if (packet.length < start + 14) return { ...without, ...ports() };
      const tcp = {
        flags: packet.readUInt8(start + 13),
        sequence: packet.readUInt32BE(start + 4),
        acknowledgement: packet.readUInt32BE(start + 8),
      };
      const payload = length - (packet.readUInt8(start + 12) >> 4) * 4;
      const told = `${identity} ${tcp.sequence} ${tcp.acknowledgement} ${tcp.flags}`;
      return { ...without, ...ports(), payload, tcp, identity: told };
    }
    case protocols.udp:
    case protocols.sctp: {
      const header = base.protocol === protocols.udp ? 8 : 12;
      const beginning = packet.subarray(start + header, start + header + comparedPayload).toString('base64');
      return { ...without, ...ports(), payload: length - header, identity: `${identity} ${beginning}` };
    }
    case protocols.icmp:
    case protocols.icmp6: {
      const about = decodeInner(packet.subarray(start + 8));
      const [type, code] = [packet.readUInt8(start), packet.readUInt8(start + 1)];
      return { ...without, error: { type, code, about }, identity: `${identity} ${type} ${code}` };
    }
    default:
      return without;
  }
}

function decodeInner(packet: Buffer): Frame | undefined {
  try {
    return decodeIp(packet);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
