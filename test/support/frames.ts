/** EtherTypes. Source: IANA, IEEE 802 numbers. */
export const etherTypes = {
  ipv4: 0x0800,
  arp: 0x0806,
  vlan: 0x8100,
  ipv6: 0x86dd,
  pppoeDiscovery: 0x8863,
  pppoeSession: 0x8864,
  qinq: 0x88a8,
  local: 0x88b5,
} as const;

/** An Ethernet frame. */
export function ethernet(destination: string, source: string, type: number, payload: Buffer): Buffer {
  return Buffer.concat([mac(destination), mac(source), number16(type), payload]);
}

/** A payload inside a VLAN tag, after the type of the tag. */
export function tagged(vlan: number, type: number, payload: Buffer): Buffer {
  return Buffer.concat([number16(vlan), number16(type), payload]);
}

/** An ARP message; operation 1 asks, 2 answers. Source: RFC 826. */
export function arp(
  operation: 1 | 2,
  sender: { readonly mac: string; readonly ip: string },
  target: string,
): Buffer {
  const head = Buffer.from([0, 1, 8, 0, 6, 4, 0, operation]);
  return Buffer.concat([head, mac(sender.mac), ipv4Bytes(sender.ip), Buffer.alloc(6), ipv4Bytes(target)]);
}

/** An IPv4 packet. Source: RFC 791. */
export function ipv4(source: string, destination: string, protocol: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(20);
  head[0] = 0x45;
  head.writeUInt16BE(20 + payload.length, 2);
  head[8] = 64;
  head[9] = protocol;
  ipv4Bytes(source).copy(head, 12);
  ipv4Bytes(destination).copy(head, 16);
  head.writeUInt16BE(checksum(head), 10);
  return Buffer.concat([head, payload]);
}

/** A UDP datagram for IPv4, without a checksum. Source: RFC 768. */
export function udp(sourcePort: number, destinationPort: number, text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([
    number16(sourcePort),
    number16(destinationPort),
    number16(8 + payload.length),
    number16(0),
    payload,
  ]);
}

/** An ICMP redirect that quotes a packet. Source: RFC 792. */
export function icmpRedirect(gateway: string, quoted: Buffer): Buffer {
  const message = Buffer.concat([Buffer.from([5, 1, 0, 0]), ipv4Bytes(gateway), quoted.subarray(0, 28)]);
  message.writeUInt16BE(checksum(message), 2);
  return message;
}

/** An ICMPv6 message in its packet, with hop limit 255. Source: RFC 4443, RFC 4861. */
export function icmpv6(source: string, destination: string, type: number, body: Buffer): Buffer {
  const message = Buffer.concat([Buffer.from([type, 0, 0, 0]), body]);
  const [from, to] = [ipv6Bytes(source), ipv6Bytes(destination)];
  const pseudo = Buffer.concat([from, to, number32(message.length), Buffer.from([0, 0, 0, 58])]);
  message.writeUInt16BE(checksum(Buffer.concat([pseudo, message])), 2);
  return Buffer.concat([
    number32(0x60000000),
    number16(message.length),
    Buffer.from([58, 255]),
    from,
    to,
    message,
  ]);
}

/** What a router says after the ICMPv6 header: it is the default router, and this /64 is for everybody. */
export function routerAdvertisement(prefix: string, routerMac: string): Buffer {
  const head = Buffer.from([64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0]);
  const link = Buffer.concat([Buffer.from([1, 1]), mac(routerMac)]);
  const lifetimes = Buffer.concat([number32(3600), number32(3600), number32(0)]);
  return Buffer.concat([head, link, Buffer.from([3, 4, 64, 0xc0]), lifetimes, ipv6Bytes(prefix)]);
}

/** What a neighbour advertises after the ICMPv6 header: that it has the address, whatever was known. */
export function neighbourAdvertisement(target: string, neighbourMac: string): Buffer {
  return Buffer.concat([
    Buffer.from([0xa0, 0, 0, 0]),
    ipv6Bytes(target),
    Buffer.from([2, 1]),
    mac(neighbourMac),
  ]);
}

/** A redirect after the ICMPv6 header: who goes to `destination` should go by `target`. */
export function redirect6(target: string, destination: string, targetMac: string): Buffer {
  return Buffer.concat([
    number32(0),
    ipv6Bytes(target),
    ipv6Bytes(destination),
    Buffer.from([2, 1]),
    mac(targetMac),
  ]);
}

/** Bytes as a format for printf(1). */
export function forPrintf(bytes: Buffer): string {
  return [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}

function mac(text: string): Buffer {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

function ipv4Bytes(text: string): Buffer {
  return Buffer.from(text.split('.').map(Number));
}

function ipv6Bytes(text: string): Buffer {
  const [head = '', tail] = text.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return Buffer.concat([...before, ...zeros, ...after].map((group) => number16(Number.parseInt(group, 16))));
}

function number16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Source: RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
