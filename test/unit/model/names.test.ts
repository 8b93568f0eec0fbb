import { describe, expect, it } from 'vitest';
import {
  gatewayOf,
  macFor,
  macFromBytes,
  macToBytes,
  parseEndpointId,
  parseIfName,
  parseIp,
  parseMac,
  parseMtu,
  parseNetworkId,
  parsePort,
  parseProtocol,
  parseSubnet,
  protocolNumbers,
  shortId,
  type Network,
} from '../../../src/model/index.ts';

const refused = expect.objectContaining({ kind: 'invalid-input' });

describe('parseMac', () => {
  it.each(['02:42:0a:01:00:02', '02-42-0A-01-00-02', '02:42:0A:01:00:02'])('reads %s', (text) => {
    expect(parseMac(text)).toBe('02:42:0a:01:00:02');
  });

  it.each([
    '',
    '02:42:0a:01:00',
    '02:42:0a:01:00:02:03',
    '2:42:a:1:0:2',
    '01:00:5e:00:00:01',
    '00:00:00:00:00:00',
    2,
  ])('refuses %j', (text) => {
    expect(() => parseMac(text)).toThrow(refused);
  });

  it('belongs to an address', () => {
    expect(macFor(parseIp('10.1.0.2'))).toBe('02:42:0a:01:00:02');
    expect(macFor(parseIp('fd00::a01:2'))).toBe('02:42:0a:01:00:02');
    expect(macFromBytes(macToBytes(parseMac('02:42:0a:01:00:02')))).toBe('02:42:0a:01:00:02');
  });
});

describe('names', () => {
  it.each(['eth0', 'br-1234567890ab', 'veth.100', 'A_b'])('%s is an interface name', (text) => {
    expect(parseIfName(text)).toBe(text);
  });

  it.each(['', '.', '..', '-a', 'a b', 'a/b', 'a:b', 'a\n', 'sixteen-bytes-ab', 'é', 5])(
    '%j is none',
    (text) => {
      expect(() => parseIfName(text)).toThrow(refused);
    },
  );

  it('are ids of up to 128 characters', () => {
    const id = 'f'.repeat(64);
    expect([parseNetworkId(id), parseEndpointId(id), shortId(id)]).toEqual([id, id, 'f'.repeat(12)]);
    for (const text of ['', '../x', 'a/b', 'f'.repeat(129), undefined]) {
      expect(() => parseNetworkId(text)).toThrow(refused);
      expect(() => parseEndpointId(text)).toThrow(refused);
    }
  });
});

describe('numbers', () => {
  it('of ports are from 1 to 65535', () => {
    expect([parsePort(1), parsePort(65_535)]).toEqual([1, 65_535]);
    for (const value of [0, 65_536, 1.5, -1, Number.NaN, '80'])
      expect(() => parsePort(value)).toThrow(refused);
  });

  it('of protocols have names', () => {
    for (const [name, number] of Object.entries(protocolNumbers)) {
      expect([parseProtocol(name), parseProtocol(number)]).toEqual([name, name]);
    }
    for (const value of ['icmp', 1, 'TCP', '6', undefined])
      expect(() => parseProtocol(value)).toThrow(refused);
  });

  it('of bytes in a packet are from 68 to 65535', () => {
    expect([parseMtu(68), parseMtu('1500'), parseMtu(65_535)]).toEqual([68, 1500, 65_535]);
    for (const value of [67, 65_536, '1500 ', '0x5dc', '', 1400.5, null]) {
      expect(() => parseMtu(value)).toThrow(refused);
    }
  });
});

describe('gatewayOf', () => {
  it('is the first of the version', () => {
    const subnets: Network['subnets'] = [
      { subnet: parseSubnet('10.0.0.0/24') },
      { subnet: parseSubnet('fd00::/64'), gateway: parseIp('fd00::1') },
      { subnet: parseSubnet('10.1.0.0/24'), gateway: parseIp('10.1.0.1') },
    ];
    const network = { subnets } as unknown as Network;
    expect([gatewayOf(network, 4), gatewayOf(network, 6)]).toEqual(['10.1.0.1', 'fd00::1']);
    expect(gatewayOf({ ...network, subnets: subnets.slice(0, 1) }, 4)).toBeUndefined();
  });
});
