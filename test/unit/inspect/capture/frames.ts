import { ipToBytes, parseIp } from '../../../../src/model/index.ts';

/** What to make a frame of; without `flags` a datagram. */
export interface FrameParts {
  readonly from: readonly [ip: string, port: number];
  readonly to: readonly [ip: string, port: number];
  readonly id?: number;
  readonly sequence?: number;
  readonly flags?: number;
  readonly payload?: string;
  readonly vlan?: number;
}

/** An Ethernet frame, checksums left out. */
export function frame({ vlan, ...parts }: FrameParts): Buffer {
  const packet = ipPacket(parts);
  const header = Buffer.alloc(12);
  const tag = vlan === undefined ? '' : `8100${vlan.toString(16).padStart(4, '0')}`;
  const type = parts.from[0].includes(':') ? '86dd' : '0800';
  return Buffer.concat([header, Buffer.from(tag + type, 'hex'), packet]);
}

/** The IP packet of a frame. */
export function ipPacket({ from, to, id = 7, sequence = 1, flags, payload = '' }: FrameParts): Buffer {
  const data = Buffer.from(payload);
  const transport = Buffer.alloc(flags === undefined ? 8 : 20);
  transport.writeUInt16BE(from[1], 0);
  transport.writeUInt16BE(to[1], 2);
  if (flags === undefined) transport.writeUInt16BE(8 + data.length, 4);
  else {
    transport.writeUInt32BE(sequence, 4);
    transport[12] = 5 << 4;
    transport[13] = flags;
  }
  const protocol = flags === undefined ? 17 : 6;
  const [source, destination] = [ipToBytes(parseIp(from[0])), ipToBytes(parseIp(to[0]))];
  const length = transport.length + data.length;
  if (source.length === 4) {
    const header = Buffer.alloc(12);
    header[0] = 0x45;
    header.writeUInt16BE(20 + length, 2);
    header.writeUInt16BE(id, 4);
    header[8] = 64;
    header[9] = protocol;
    return Buffer.concat([header, source, destination, transport, data]);
  }
  const header = Buffer.alloc(8);
  header[0] = 0x60;
  header.writeUInt16BE(length, 4);
  header[6] = protocol;
  header[7] = 64;
  return Buffer.concat([header, source, destination, transport, data]);
}

/** An ICMP error of a router about a packet, which holds its first bytes only. */
export function icmpError(router: string, about: FrameParts, type = 3, code = 1): Buffer {
  const inner = ipPacket(about).subarray(0, 28);
  const header = Buffer.alloc(12);
  header[0] = 0x45;
  header.writeUInt16BE(20 + 8 + inner.length, 2);
  header[8] = 64;
  header[9] = 1;
  return Buffer.concat([
    Buffer.from('0000000000000000000000000800', 'hex'),
    header,
    ipToBytes(parseIp(router)),
    ipToBytes(parseIp(about.from[0])),
    Buffer.from([type, code, 0, 0, 0, 0, 0, 0]),
    inner,
  ]);
}
