import { malformed } from '../netlink/attributes.ts';

/** A packet as it passed an interface. */
export interface CapturedPacket {
  /** When, in nanoseconds since 1970, by the clock of the machine, which all interfaces share. */
  readonly time: bigint;
  readonly direction: 'in' | 'out';
  /** Bytes that it had, of which `data` may be the first only. */
  readonly length: number;
  /** From the link layer header on, where the link has one. */
  readonly data: Buffer;
}

/**
 * The packets of a batch of `NativeSocket.listenInBatches`. A VLAN tag that the kernel took out is put back.
 *
 * Source: packet(7), `linux/if_packet.h` (struct sockaddr_ll, struct tpacket_auxdata), `asm-generic/socket.h`.
 *
 * @throws kernel when a length leads outside
 */
export function decodeBatch(batch: Buffer): CapturedPacket[] {
  try {
    return decodeWhole(batch);
  } catch (error) {
    // Reads behind the end.
    if (error instanceof RangeError) throw malformed('a captured packet is too short');
    throw error;
  }
}

function decodeWhole(batch: Buffer): CapturedPacket[] {
  const packets: CapturedPacket[] = [];
  for (let at = 0; at < batch.length;) {
    const address = at + 12;
    const control = address + batch.readUInt32LE(at);
    const data = control + batch.readUInt32LE(at + 4);
    const end = data + batch.readUInt32LE(at + 8);
    packets.push(
      decodePacket(
        batch.subarray(address, control),
        batch.subarray(control, data),
        batch.subarray(data, end),
      ),
    );
    at = end;
  }
  return packets;
}

/** PACKET_OUTGOING, at its place in struct sockaddr_ll. */
const packetType = { at: 10, outgoing: 4 } as const;
/** SOL_SOCKET with SCM_TIMESTAMPNS, and SOL_PACKET with PACKET_AUXDATA, each in one number. */
const timestamp = (1 << 16) | 35;
const auxiliary = (263 << 16) | 8;
/** Bytes of struct cmsghdr on 64-bit machines. */
const controlHeader = 16;
/** TP_STATUS_VLAN_VALID. */
const hasVlanTag = 0x10;
/** Two hardware addresses. Source: IEEE 802.3. */
const beforeTag = 12;
const plainVlan = 0x8100;

function decodePacket(address: Buffer, control: Buffer, data: Buffer): CapturedPacket {
  let time: bigint | undefined;
  let length = data.length;
  let whole = data;
  for (let at = 0; at + controlHeader <= control.length;) {
    const size = control.readUInt32LE(at);
    if (size < controlHeader || size > control.length - at)
      throw malformed('a control message leads outside');
    const body = control.subarray(at + controlHeader, at + size);
    switch ((control.readInt32LE(at + 8) << 16) | control.readInt32LE(at + 12)) {
      case timestamp:
        time = body.readBigInt64LE(0) * 1_000_000_000n + body.readBigInt64LE(8);
        break;
      case auxiliary:
        length = body.readUInt32LE(4);
        if ((body.readUInt32LE(0) & hasVlanTag) !== 0) {
          whole = withTag(data, body.readUInt16LE(16), body.readUInt16LE(18));
          length += whole.length - data.length;
        }
        break;
      default:
        break;
    }
    at += (size + 7) & ~7;
  }
  const direction = address[packetType.at] === packetType.outgoing ? 'out' : 'in';
  return { time: time ?? BigInt(Date.now()) * 1_000_000n, direction, length, data: whole };
}

function withTag(data: Buffer, tag: number, protocol: number): Buffer {
  if (data.length < beforeTag) return data;
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16BE(protocol || plainVlan, 0);
  bytes.writeUInt16BE(tag, 2);
  return Buffer.concat([data.subarray(0, beforeTag), bytes, data.subarray(beforeTag)]);
}
