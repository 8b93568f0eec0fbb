import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  familyOf,
  ipFromBytes,
  ipFromNumber,
  ipToBytes,
  ipToNumber,
  parseIp,
} from '../../../src/model/index.ts';

const number4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n });
const number6 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n });

describe('parseIp', () => {
  it.each([
    ['10.1.0.2', '10.1.0.2'],
    ['255.255.255.255', '255.255.255.255'],
    ['FD00:0:0:0:0:0:0:1', 'fd00::1'],
    ['fd00:0:1:0:0:1:0:1', 'fd00:0:1::1:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['64:ff9b::10.1.0.2', '64:ff9b::a01:2'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ])('reads %s as %s', (text, canonical) => {
    expect(parseIp(text)).toBe(canonical);
    expect(parseIp(canonical)).toBe(canonical);
  });

  it.each([
    '',
    '10.1.0',
    '10.1.0.2.3',
    '10.1.0.256',
    '010.1.0.2',
    '10.1.0.2/24',
    '10.1.0.2:80',
    ' 10.1.0.2',
    '0x0a.1.0.2',
    ':',
    ':::',
    '1::2::3',
    'fd00::1%eth0',
    '[fd00::1]',
    'fd00::12345',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    'fd00::10.1.0.2:1',
    'g::',
    '300.1.1.1',
    7,
    null,
    undefined,
  ])('refuses %j', (text) => {
    expect(() => parseIp(text, '--ip')).toThrow(
      expect.objectContaining({ kind: 'invalid-input', subject: '--ip' }),
    );
  });
});

describe('an address', () => {
  it('is the same as its number and its bytes', () => {
    for (const [numbers, family] of [
      [number4, 4],
      [number6, 6],
    ] as const) {
      fc.assert(
        fc.property(numbers, (number) => {
          const ip = ipFromNumber(number, family);
          expect(parseIp(ip)).toBe(ip);
          expect(familyOf(ip)).toBe(family);
          expect(ipToNumber(ip)).toBe(number);
          expect(ipToBytes(ip)).toHaveLength(family === 4 ? 4 : 16);
          expect(ipFromBytes(ipToBytes(ip))).toBe(ip);
        }),
      );
    }
  });

  it('has its bytes in network order', () => {
    expect([...ipToBytes(parseIp('10.1.2.3'))]).toEqual([10, 1, 2, 3]);
    expect([...ipToBytes(parseIp('::1:2'))].slice(-4)).toEqual([0, 1, 0, 2]);
  });
});
