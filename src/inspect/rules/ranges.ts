import { familyOf, ipToNumber, parseIp } from '../../model/index.ts';

/** A span of numbers, both ends included. */
export interface Span {
  readonly from: number | bigint;
  readonly to: number | bigint;
}

/** Whether a number is in a span. */
export function isIn({ from, to }: Span, value: number | bigint): boolean {
  return from <= value && value <= to;
}

/** An address as a number: quick to compare. `undefined` for what is none. */
export function addressNumber(text: string): number | bigint | undefined {
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (octets !== null) {
    const [, a, b, c, d] = octets.map(Number) as [number, number, number, number, number];
    return ((a * 256 + b) * 256 + c) * 256 + d;
  }
  try {
    return ipToNumber(parseIp(text));
  } catch {
    return undefined;
  }
}

/** The addresses of a prefix. */
export function prefixSpan(address: string, length: number): Span | undefined {
  const number = addressNumber(address);
  if (number === undefined) return undefined;
  if (typeof number === 'number') {
    const size = 2 ** (32 - length);
    const from = Math.floor(number / size) * size;
    return { from, to: from + size - 1 };
  }
  const bits = BigInt(128 - length);
  const from = (number >> bits) << bits;
  return { from, to: from + (1n << bits) - 1n };
}

/** Reads `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10.0.0.1-10.0.0.9` or a single address; `undefined` for anything else. */
export function parseAddressSpan(text: string): Span | undefined {
  const [first = '', last] = text.split('-');
  if (last !== undefined) {
    const [from, to] = [addressNumber(first), addressNumber(last)];
    return from === undefined || to === undefined ? undefined : { from, to };
  }
  const [address = '', mask] = text.split('/');
  const length = mask === undefined ? undefined : maskLength(mask);
  if (mask !== undefined && length === undefined) return undefined;
  return prefixSpan(address, length ?? (address.includes(':') ? 128 : 32));
}

/** Reads `80`, `80:90` or `80-90`; `undefined` for anything else. */
export function parsePortSpan(text: string): Span | undefined {
  const parts = /^(\d*)(?:([:-])(\d*))?$/.exec(text);
  if (parts === null || text === '') return undefined;
  const [, first = '', separator, last = ''] = parts;
  const from = first === '' ? 0 : Number(first);
  return { from, to: separator === undefined ? from : last === '' ? 65535 : Number(last) };
}

/** Length of a mask that is written as a number or as an address without holes. */
function maskLength(mask: string): number | undefined {
  if (/^\d+$/.test(mask)) return Number(mask);
  const number = addressNumber(mask);
  if (number === undefined) return undefined;
  const bits = BigInt(number)
    .toString(2)
    .padStart(familyOf(parseIp(mask)) === 4 ? 32 : 128, '0');
  return /^1*0*$/.test(bits) ? bits.indexOf('0') + (bits.includes('0') ? 0 : bits.length + 1) : undefined;
}
