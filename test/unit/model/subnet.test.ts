import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressIn,
  boundsOf,
  contains,
  familyOfRange,
  ipFromNumber,
  ipOf,
  overlaps,
  parseAddress,
  parseIp,
  parseSubnet,
  prefixOf,
  subnetOf,
} from '../../../src/model/index.ts';

const subnet = fc
  .tuple(fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }), fc.integer({ min: 0, max: 32 }))
  .map(([number, prefix]) => parseSubnet(`${ipFromNumber(number, 4)}/${prefix}`));

describe('parseSubnet', () => {
  it.each([
    ['10.1.0.7/24', '10.1.0.0/24'],
    ['10.1.0.7/32', '10.1.0.7/32'],
    ['255.255.255.255/0', '0.0.0.0/0'],
    ['10.0.0.1/31', '10.0.0.0/31'],
    ['FD00::1:2/64', 'fd00::/64'],
    ['fd00::3/127', 'fd00::2/127'],
  ])('clears the host bits of %s', (text, canonical) => {
    expect(parseSubnet(text)).toBe(canonical);
  });

  it.each([
    '10.0.0.0/33',
    '300.1.1.1/8',
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/9',
    'fd00::/129',
    '/8',
    '10.0.0.0/255.0.0.0',
    8,
  ])('refuses %j', (text) => {
    expect(() => parseSubnet(text, '--subnet')).toThrow(
      expect.objectContaining({ kind: 'invalid-input', message: expect.stringContaining('--subnet') }),
    );
  });
});

describe('a subnet', () => {
  it('holds its bounds and everything between, and overlaps exactly with what shares an address', () => {
    fc.assert(
      fc.property(subnet, subnet, (one, other) => {
        const [a, b] = [boundsOf(one), boundsOf(other)];
        expect(contains(one, ipFromNumber(a.first, 4)) && contains(one, ipFromNumber(a.last, 4))).toBe(true);
        expect(a.last - a.first + 1n).toBe(2n ** BigInt(32 - prefixOf(one)));
        expect(overlaps(one, other)).toBe(a.first <= b.last && b.first <= a.last);
        expect(contains(one, other)).toBe(a.first <= b.first && b.last <= a.last);
      }),
    );
  });

  it('has nothing to do with one of the other version', () => {
    const [four, six] = [parseSubnet('0.0.0.0/0'), parseSubnet('::/0')];
    expect([familyOfRange(four), familyOfRange(six)]).toEqual([4, 6]);
    expect([overlaps(four, six), contains(six, four), contains(six, parseIp('10.0.0.1'))]).toEqual([
      false,
      false,
      false,
    ]);
  });
});

describe('an address with prefix length', () => {
  it('keeps its host bits and knows its parts', () => {
    const address = parseAddress('FD00::0:7/64');
    expect([address, ipOf(address), prefixOf(address), subnetOf(address)]).toEqual([
      'fd00::7/64',
      'fd00::7',
      64,
      'fd00::/64',
    ]);
    expect(addressIn(parseIp('10.1.0.2'), parseSubnet('10.1.0.0/16'))).toBe('10.1.0.2/16');
    expect(() => parseAddress('10.1.0.2')).toThrow(expect.objectContaining({ kind: 'invalid-input' }));
  });
});
