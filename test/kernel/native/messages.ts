// Just enough of netlink to ask the kernel questions; the codec of the product has tests of its own.

export const NETLINK_ROUTE = 0;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const RTM_NEWLINK = 16;
export const RTM_GETLINK = 18;
export const RTM_NEWNSID = 88;
export const RTNLGRP_LINK = 1;
export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
/** In an NLMSG_ERROR: extended-ack attributes follow. */
export const NLM_F_ACK_TLVS = 0x200;

export const netlinkSocket = { domain: 16, type: 3, protocol: NETLINK_ROUTE };

/** One message: header and payload, padded to 4 bytes. */
export function message(type: number, flags: number, sequence: number, payload: Uint8Array): Buffer {
  const length = 16 + payload.length;
  const bytes = Buffer.alloc((length + 3) & ~3);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags | NLM_F_REQUEST, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.set(payload, 16);
  return bytes;
}

/** struct ifinfomsg: interface index, flags and which flags to change. */
export function ifinfo(index: number, flags = 0, change = 0): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt32LE(flags, 8);
  bytes.writeUInt32LE(change, 12);
  return bytes;
}

/** An attribute with a 32-bit value. */
export function attribute(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(8, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.writeInt32LE(value, 4);
  return bytes;
}

/** Asks for all links. */
export const dumpLinks = (sequence: number) => message(RTM_GETLINK, NLM_F_DUMP, sequence, ifinfo(0));

/** Asks for the loopback interface, whose index is 1 in every namespace, and for an acknowledgement. */
export const getLoopback = (sequence: number, flags = NLM_F_ACK) =>
  message(RTM_GETLINK, flags, sequence, ifinfo(1));

/** Sets the loopback interface up or down (IFF_UP is 1). */
export const setLoopback = (sequence: number, isUp: boolean) =>
  message(RTM_NEWLINK, NLM_F_ACK, sequence, ifinfo(1, isUp ? 1 : 0, 1));

export interface Reply {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

/** The messages in a series of datagrams. */
export function replies(bytes: Buffer): Reply[] {
  const found: Reply[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const length = bytes.readUInt32LE(offset);
    found.push({
      type: bytes.readUInt16LE(offset + 4),
      flags: bytes.readUInt16LE(offset + 6),
      sequence: bytes.readUInt32LE(offset + 8),
      payload: bytes.subarray(offset + 16, offset + length),
    });
    offset += (length + 3) & ~3;
  }
  return found;
}

/** The errno of an NLMSG_ERROR as a positive number; 0 for an acknowledgement. */
export const errorOf = (reply: Reply) => Math.abs(reply.payload.readInt32LE(0));
