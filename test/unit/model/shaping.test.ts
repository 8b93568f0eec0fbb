import { describe, expect, it } from 'vitest';
import { parseBurst, parseRate, parseRateLimit, shapingOf, withBurst } from '../../../src/model/shaping.ts';

describe('parseRate', () => {
  it.each([
    ['10mbit', 10e6],
    ['10Mbit', 10e6],
    ['1.5gbit', 1.5e9],
    ['64kibit', 65_536],
    ['1tbit', 1e12],
    ['1000tbit', 1e15],
    ['8000bit', 8_000],
    ['123456', 123_456],
    [1_000, 1_000],
  ])('%s is %d bits per second', (text, bits) => {
    expect(parseRate(text)).toBe(bits);
  });

  it.each([
    '',
    '0',
    '999',
    '1001tbit',
    '10mbps',
    '10 mbit',
    '-1mbit',
    '1e6',
    '10m',
    'ibit',
    0,
    -5,
    1.5,
    NaN,
    null,
    {},
  ])('%j is refused with what is allowed', (value) => {
    expect(() => parseRate(value, 'tsnet.rate')).toThrow(
      /^tsnet\.rate: .* is not allowed, expected bits per second from 1kbit/,
    );
  });
});

describe('parseBurst', () => {
  it('reads bits, and takes the largest 32-bit number for no wish', () => {
    expect(parseBurst('256kbit')).toBe(256_000);
    expect(parseBurst(4_294_967_294)).toBe(4_294_967_294);
    expect(parseBurst(4_294_967_295)).toBeUndefined();
  });

  it.each(['', '0', 0, -1, '1mb', true])('%j is refused', (value) => {
    expect(() => parseBurst(value, 'burst')).toThrow('burst: ');
  });
});

describe('parseRateLimit', () => {
  it('gives what runtimes send for one direction', () => {
    expect(parseRateLimit({ rate: 1e6, burst: 4_294_967_295 })).toEqual({ rate: 1e6 });
    expect(parseRateLimit({ rate: 1e6, burst: 0 })).toEqual({ rate: 1e6 });
    expect(parseRateLimit({ rate: 1e6, burst: 80_000 })).toEqual({ rate: 1e6, burst: 80_000 });
    expect(parseRateLimit({ rate: 0, burst: 0 })).toBeUndefined();
    expect(parseRateLimit({ rate: 0, burst: 4_294_967_295 })).toBeUndefined();
    expect(parseRateLimit({})).toBeUndefined();
  });

  it('refuses a burst of nothing', () => {
    const fields = { rate: 'ingressRate', burst: 'ingressBurst' };
    expect(() => parseRateLimit({ rate: 0, burst: 8_000 }, fields)).toThrow(
      'ingressBurst: 8000 is not allowed, expected nothing, because ingressRate is not given',
    );
  });
});

describe('shapingOf', () => {
  it('has only the directions that are limited', () => {
    const limit = { rate: 1e6 };
    expect(shapingOf(undefined, undefined)).toBeUndefined();
    expect(shapingOf(limit, undefined)).toEqual({ ingress: limit });
    expect(shapingOf(undefined, limit)).toEqual({ egress: limit });
  });
});

describe('withBurst', () => {
  it.each([
    ['ten milliseconds of the rate', { rate: 1e9 }, 1500, 1e7],
    ['at least eleven frames', { rate: 1e6 }, 1500, 131_072],
    ['at least a frame, whatever its size', { rate: 1e6 }, 65_535, 8 * 65_553],
    ['as wished', { rate: 1e6, burst: 50_000 }, 1500, 50_000],
    ['not less than a frame', { rate: 1e6, burst: 100 }, 1500, 8 * 1518],
    ['not more than the kernel can count', { rate: 1e3, burst: 4e9 }, 1500, 274_000],
  ])('%s', (_, limit, mtu, burst) => {
    expect(withBurst(limit, mtu)).toEqual({ rate: limit.rate, burst });
  });
});
