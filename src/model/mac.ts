import { invalid } from './errors.ts';
import { ipFromBytes, ipToBytes, type Ip } from './ip.ts';

/** A 48-bit unicast hardware address in lower case with colons, such as `02:42:0a:01:00:02`. */
export type Mac = string & { readonly __brand: 'Mac' };

const macPattern = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

/**
 * Reads a hardware address written with colons or dashes.
 *
 * @throws invalid-input for other shapes, for group addresses (lowest bit of the first byte set) and for all zeros,
 *   which the kernel refuses to give to an interface
 */
export function parseMac(text: unknown, field = 'MAC address'): Mac {
  const plain = typeof text === 'string' ? text.toLowerCase().replaceAll('-', ':') : '';
  if (!macPattern.test(plain))
    throw invalid(field, text, 'six bytes in hexadecimal such as 02:42:0a:01:00:02');
  if ((Number.parseInt(plain.slice(0, 2), 16) & 1) === 1 || plain === '00:00:00:00:00:00') {
    throw invalid(field, text, 'a unicast address: the first byte even, not all bytes zero');
  }
  return plain as Mac;
}

/** The 6 bytes of a hardware address. */
export function macToBytes(mac: Mac): Uint8Array {
  return Uint8Array.from(mac.split(':'), (byte) => Number.parseInt(byte, 16));
}

/** The hardware address with those 6 bytes. */
export function macFromBytes(bytes: Uint8Array): Mac {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':') as Mac;
}

/**
 * The hardware address that belongs to an IP address: `02:42:` and the last four bytes of the address, as
 * container engines write it. The same address always gives the same MAC, so neighbours need not learn a new one
 * after a restart.
 */
export function macFor(ip: Ip): Mac {
  return macFromBytes(Uint8Array.from([0x02, 0x42, ...ipToBytes(ip).slice(-4)]));
}

/** The IPv6 link-local address that an interface gives itself. Source: RFC 4291 appendix A, modified EUI-64. */
export function linkLocalOf(mac: Mac): Ip {
  const [first = 0, ...rest] = macToBytes(mac);
  const identifier = [first ^ 0x02, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)];
  return ipFromBytes(Uint8Array.from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, ...identifier]));
}
