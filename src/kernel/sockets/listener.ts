import { ipFromBytes, type Ip } from '../../model/ip.ts';
import type { Port } from '../../model/port.ts';
import { Attributes, malformed } from '../netlink/attributes.ts';

/** A socket that takes what arrives at a port of this host. */
export interface Listener {
  readonly protocol: 'tcp' | 'udp';
  /** `0.0.0.0` or `::` for every address. */
  readonly ip: Ip;
  readonly port: Port;
  /** Whether an IPv6 socket leaves IPv4 alone, as all but those on `::` do; else it holds the port of both. */
  readonly isIpv6Only: boolean;
  /** The only link it listens on. */
  readonly linkIndex: number | undefined;
  /** Names the socket in `/proc/<pid>/fd`; 0 when the kernel itself owns it. */
  readonly inode: number;
  /** The user who opened it. */
  readonly uid: number;
  /** Connections that wait to be accepted, or bytes that wait to be read. */
  readonly waiting: number;
}

/** Bytes of struct inet_diag_msg. Source: `linux/inet_diag.h`. */
const headerLength = 72;
/** INET_DIAG_SKV6ONLY. Source: `linux/inet_diag.h`. */
const ipv6OnlyAttribute = 11;
/** AF_INET. */
const ipv4 = 2;

/** Reads the body of SOCK_DIAG_BY_FAMILY (struct inet_diag_msg). @throws kernel when it is malformed */
export function decodeListener(protocol: 'tcp' | 'udp', body: Buffer): Listener {
  if (body.length < headerLength) throw malformed('a socket is too short');
  const isIpv4 = body[0] === ipv4;
  const attributes = new Attributes(body, headerLength);
  return {
    protocol,
    ip: ipFromBytes(body.subarray(8, isIpv4 ? 12 : 24)),
    port: body.readUInt16BE(4) as Port,
    isIpv6Only: !isIpv4 && attributes.u8(ipv6OnlyAttribute) === 1,
    linkIndex: body.readUInt32LE(40) || undefined,
    waiting: body.readUInt32LE(56),
    uid: body.readUInt32LE(64),
    inode: body.readUInt32LE(68),
  };
}
