import { describe, expect, it } from 'vitest';
import { allocate, hasFree, parsePoolId, poolIdOf, type Pool } from '../../../src/ipam/index.ts';
import { parseIp, parseSubnet } from '../../../src/model/index.ts';
import { MemoryNodes } from './memory-nodes.ts';

const subnet = parseSubnet('10.1.0.0/24');
const space = 'cni-net';
const fresh: Pool = { id: poolIdOf({ space, subnet }), space, subnet, options: {}, createdAt: 0 };
const part = (first: string, last: string) => ({ first: parseIp(first), last: parseIp(last) });
const endpoint = 'endpoint' as const;

describe('a part of a pool that is no subnet', () => {
  it('gives its addresses in turn, then none', () => {
    const nodes = new MemoryNodes();
    const within = part('10.1.0.9', '10.1.0.11');
    let pool = fresh;
    const given: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      const taken = allocate(pool, nodes, { kind: endpoint, within });
      given.push(taken.ip);
      ({ pool } = taken);
    }
    expect(given).toEqual(['10.1.0.9', '10.1.0.10', '10.1.0.11']);
    expect(hasFree(pool, nodes, within)).toBe(false);
    expect(() => allocate(pool, nodes, { kind: endpoint, within })).toThrow('10.1.0.9 to 10.1.0.11');
    const other = part('10.1.0.2', '10.1.0.5');
    expect(hasFree(pool, nodes, other)).toBe(true);
    expect(allocate(pool, nodes, { kind: endpoint, within: other }).ip).toBe('10.1.0.2');
  });

  it('is what a wish must lie in', () => {
    const nodes = new MemoryNodes();
    const within = part('10.1.0.9', '10.1.0.11');
    const wish = (address: string) =>
      allocate(fresh, nodes, { kind: endpoint, within, address: parseIp(address) }).ip;
    expect(wish('10.1.0.10')).toBe('10.1.0.10');
    expect(() => wish('10.1.0.10')).toThrow('taken');
    for (const outside of ['10.1.0.8', '10.1.0.12', 'fd00::9']) {
      expect(() => wish(outside)).toThrow('one from 10.1.0.9 to 10.1.0.11');
    }
  });

  it('leaves out what no interface can have', () => {
    const nodes = new MemoryNodes();
    const all = part('10.1.0.0', '10.1.0.255');
    expect(allocate(fresh, nodes, { kind: endpoint, within: all }).ip).toBe('10.1.0.1');
    const last = allocate({ ...fresh, last: parseIp('10.1.0.253') }, nodes, { kind: endpoint, within: all });
    expect(last.ip).toBe('10.1.0.254');
    expect(allocate(last.pool, nodes, { kind: endpoint, within: all }).ip).toBe('10.1.0.2');
  });
});

it('a pool of a CNI network is known by its name and its subnet', () => {
  expect(fresh.id).toBe('cni-net/10.1.0.0/24');
  expect(parsePoolId(fresh.id)).toEqual({ id: fresh.id, space, subnet });
});
