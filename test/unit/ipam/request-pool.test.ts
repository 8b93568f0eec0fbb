import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePoolId, poolIdOf, requestPool, type PoolRequest } from '../../../src/ipam/index.ts';
import { findFreeSubnet } from '../../../src/ipam/free-subnet.ts';
import { overlaps, parseSubnet, type Subnet } from '../../../src/model/index.ts';

const subnets = (...texts: string[]): Subnet[] => texts.map((text) => parseSubnet(text));
const pools = (...texts: string[]) =>
  subnets(...texts).map((subnet) => ({ space: 'local' as const, subnet }));
const named = (subnet: string, range?: string): PoolRequest => ({
  space: 'local',
  subnet: parseSubnet(subnet),
  ...(range === undefined ? {} : { range: parseSubnet(range) }),
});

const rangeOnly: PoolRequest = { space: 'local', range: parseSubnet('10.1.0.0/25') };

const choose = (existing: string[], routes: string[], family: 4 | 6 = 4) =>
  requestPool(pools(...existing), subnets(...routes), { space: 'global', family }).subnet;

describe('requestPool with a subnet', () => {
  it('clears host bits and names the pool after its content', () => {
    const pool = requestPool([], [], named('10.1.0.77/24', '10.1.0.200/25'), { createdAt: 12 });
    expect(pool).toEqual({
      id: 'local/10.1.0.0/24/10.1.0.128/25',
      space: 'local',
      subnet: '10.1.0.0/24',
      range: '10.1.0.128/25',
      options: {},
      createdAt: 12,
    });
  });

  it('takes a subnet that the host has a route to', () => {
    expect(requestPool([], subnets('10.0.0.0/8'), named('10.1.0.0/24')).subnet).toBe('10.1.0.0/24');
  });

  it.each(['10.0.0.0/33', '300.1.1.1/8', '10.1.0.0', '::ffff:10.0.0.0/129'])(
    'has no words for %s',
    (text) => {
      expect(() => parseSubnet(text)).toThrow(expect.objectContaining({ kind: 'invalid-input' }));
    },
  );

  it.each([
    [named('0.0.0.0/0'), 'every address'],
    [named('::/0'), 'every address'],
    [named('127.0.1.0/24'), 'loopback'],
    [named('224.1.0.0/16'), 'multicast'],
    [named('fe80::/64'), 'link-local'],
    [named('::ffff:10.1.0.0/112'), 'IPv4-mapped'],
    [named('10.1.0.0/24', '10.1.1.0/25'), 'a part of the subnet 10.1.0.0/24'],
    [named('10.1.0.0/24', '10.0.0.0/8'), 'a part of the subnet 10.1.0.0/24'],
    [named('10.1.0.0/24', 'fd00::/64'), 'a part of the subnet 10.1.0.0/24'],
    [named('10.1.0.0/24', '10.1.0.255/32'), 'at least one usable address'],
    [rangeOnly, 'together with the subnet'],
  ])('refuses %o', (request, reason) => {
    expect(() => requestPool([], [], request)).toThrow(
      expect.objectContaining({ kind: 'invalid-input', message: expect.stringContaining(reason) }),
    );
  });

  it('refuses an overlap within the space and names the other pool', () => {
    const existing = pools('10.2.0.0/16', '10.1.0.0/16');
    for (const subnet of ['10.1.2.0/24', '10.1.0.0/16', '10.0.0.0/14']) {
      expect(() => requestPool(existing, [], named(subnet))).toThrow(
        expect.objectContaining({ kind: 'conflict' }),
      );
    }
    expect(() => requestPool(existing, [], named('10.1.2.0/24'))).toThrow(/10\.1\.0\.0\/16/);
    expect(requestPool(existing, [], { ...named('10.1.2.0/24'), space: 'global' }).id).toBe(
      'global/10.1.2.0/24',
    );
  });
});

describe('requestPool without a subnet', () => {
  it('takes the first block that no pool and no route overlaps with', () => {
    expect(choose([], [])).toBe('172.17.0.0/16');
    expect(choose(['172.18.0.0/24'], ['172.17.0.0/16'])).toBe('172.19.0.0/16');
    expect(choose([], ['172.16.0.0/12'])).toBe('192.168.0.0/24');
    expect(choose([], ['172.16.0.0/12', '192.168.1.0/24', '192.168.0.0/24', '192.168.2.255/32'])).toBe(
      '192.168.3.0/24',
    );
    expect(choose([], [], 6)).toBe('fd74:736e:6574::/64');
    expect(choose(['fd74:736e:6574::/63'], ['172.17.0.0/16'], 6)).toBe('fd74:736e:6574:2::/64');
  });

  it('does not take a default route, whole or in halves, for somebody who has everything', () => {
    expect(choose([], ['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '::/0'])).toBe('172.17.0.0/16');
  });

  it('says so when nothing is left', () => {
    expect(() => choose(['172.16.0.0/12'], ['192.168.0.0/16'])).toThrow(
      expect.objectContaining({ kind: 'exhausted' }),
    );
  });

  it('finds what a search through all candidates finds', () => {
    const subnet = fc
      .tuple(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 17, max: 30 }))
      .map(([low, prefix]) => parseSubnet(`10.9.${low >> 8}.${low & 0xff}/${prefix}`));
    fc.assert(
      fc.property(fc.array(subnet, { maxLength: 12 }), fc.integer({ min: 16, max: 24 }), (inUse, prefix) => {
        let expected: Subnet | undefined;
        for (let at = 0; at < 2 ** (prefix - 16) && expected === undefined; at++) {
          const low = at * 2 ** (32 - prefix);
          const candidate = parseSubnet(`10.9.${low >> 8}.${low & 0xff}/${prefix}`);
          if (!inUse.some((other) => overlaps(other, candidate))) expected = candidate;
        }
        expect(findFreeSubnet(parseSubnet('10.9.0.0/16'), prefix, inUse)).toBe(expected);
      }),
    );
  });
});

describe('pool ids', () => {
  it('say what the pool is', () => {
    const parts = {
      space: 'global',
      subnet: parseSubnet('fd00:1::/64'),
      range: parseSubnet('fd00:1::/80'),
    } as const;
    expect(parsePoolId(poolIdOf(parts))).toEqual({ ...parts, id: 'global/fd00:1::/64/fd00:1::/80' });
  });

  it.each([
    '',
    'local',
    'swarm/10.0.0.0/8',
    'local/10.0.0.1/8',
    'local/10.0.0.0/8/11.0.0.0/16',
    'local/10.0.0.0/40',
    7,
  ])('are refused: %s', (text) => {
    expect(() => parsePoolId(text)).toThrow(expect.objectContaining({ kind: 'invalid-input' }));
  });
});
