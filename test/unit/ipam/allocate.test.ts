import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocate, release, requestPool, type Pool } from '../../../src/ipam/index.ts';
import { parseIp, parseSubnet, type Ip } from '../../../src/model/index.ts';
import { MemoryNodes } from './memory-nodes.ts';

function poolOf(subnet: string, range?: string): Pool {
  return requestPool([], [], {
    space: 'local',
    subnet: parseSubnet(subnet),
    ...(range === undefined ? {} : { range: parseSubnet(range) }),
  });
}

/** Allocates addresses of endpoints one after the other, the pool carried along. */
class Allocator {
  readonly nodes = new MemoryNodes();
  pool: Pool;

  constructor(pool: Pool) {
    this.pool = pool;
  }

  next(): Ip {
    const { ip, pool } = allocate(this.pool, this.nodes, { kind: 'endpoint' });
    this.pool = pool;
    return ip;
  }

  take(text: string): Ip {
    return allocate(this.pool, this.nodes, { kind: 'endpoint', address: parseIp(text) }).ip;
  }

  gateway(): Ip {
    return allocate(this.pool, this.nodes, { kind: 'gateway' }).ip;
  }

  release(text: string): boolean {
    return release(this.pool, this.nodes, parseIp(text));
  }

  /** Every address that is left, in the order in which they come. */
  drain(): Ip[] {
    const all: Ip[] = [];
    for (;;) {
      try {
        all.push(this.next());
      } catch (error) {
        expect(error).toMatchObject({ kind: 'exhausted' });
        return all;
      }
    }
  }
}

describe('allocate', () => {
  it('gives the gateway the first address and endpoints the following ones', () => {
    const allocator = new Allocator(poolOf('10.1.0.0/24'));
    expect(allocator.gateway()).toBe('10.1.0.1');
    expect([allocator.next(), allocator.next()]).toEqual(['10.1.0.2', '10.1.0.3']);
  });

  it('takes endpoints from the range, gateways and wishes from the whole subnet', () => {
    const allocator = new Allocator(poolOf('10.1.0.0/24', '10.1.0.128/30'));
    expect(allocator.gateway()).toBe('10.1.0.1');
    expect(allocator.take('10.1.0.130')).toBe('10.1.0.130');
    expect(allocator.take('10.1.0.77')).toBe('10.1.0.77');
    expect(allocator.drain()).toEqual(['10.1.0.128', '10.1.0.129', '10.1.0.131']);
  });

  it('does not hand out a freed address again before the others', () => {
    const allocator = new Allocator(poolOf('10.1.0.0/29'));
    expect([allocator.next(), allocator.next(), allocator.next()]).toEqual([
      '10.1.0.1',
      '10.1.0.2',
      '10.1.0.3',
    ]);
    allocator.release('10.1.0.3');
    allocator.release('10.1.0.1');
    expect(allocator.drain()).toEqual(['10.1.0.4', '10.1.0.5', '10.1.0.6', '10.1.0.1', '10.1.0.3']);
  });

  it.each([
    ['10.0.0.0/30', ['10.0.0.1', '10.0.0.2']],
    ['10.0.0.0/31', ['10.0.0.0', '10.0.0.1']],
    ['10.0.0.9/32', ['10.0.0.9']],
    ['fd00::/126', ['fd00::1', 'fd00::2', 'fd00::3']],
    ['fd00::/127', ['fd00::', 'fd00::1']],
    ['fd00::9/128', ['fd00::9']],
    ['255.255.255.252/31', ['255.255.255.252', '255.255.255.253']],
  ])('hands out every usable address of %s and no other', (subnet, addresses) => {
    expect(new Allocator(poolOf(subnet)).drain()).toEqual(addresses);
  });

  it.each([
    ['10.1.0.0/24', '10.1.0.0', 'stands for the network'],
    ['10.1.0.0/24', '10.1.0.255', 'stands for broadcast'],
    ['10.1.0.0/24', '10.1.1.0', 'outside of 10.1.0.0/24'],
    ['10.1.0.0/24', 'fd00::1', 'outside of 10.1.0.0/24'],
    ['fd00::/64', 'fd00::', 'stands for any router'],
    ['fd00::/64', 'fd00:0:0:1::', 'outside of fd00::/64'],
  ])('refuses in %s the address %s', (subnet, address, reason) => {
    const allocator = new Allocator(poolOf(subnet));
    expect(() => allocator.take(address)).toThrow(
      expect.objectContaining({ kind: 'invalid-input', message: expect.stringContaining(reason) }),
    );
  });

  it('refuses an address that is taken, and takes it when it was released', () => {
    const allocator = new Allocator(poolOf('fd00::/64'));
    allocator.take('fd00::ffff:1');
    expect(() => allocator.take('fd00::ffff:1')).toThrow(expect.objectContaining({ kind: 'conflict' }));
    expect([allocator.release('fd00::ffff:1'), allocator.release('fd00::ffff:1')]).toEqual([true, false]);
    expect(allocator.release('10.0.0.1')).toBe(false);
    expect(allocator.take('fd00::ffff:1')).toBe('fd00::ffff:1');
  });

  it('gives the first free address after the last one given, in a circle', () => {
    const subnets = fc.constantFrom('10.9.0.0/28', '10.9.0.0/30', 'fd00::/124', '10.9.0.0/31', '10.9.0.7/32');
    fc.assert(
      fc.property(subnets, fc.array(fc.nat({ max: 30 }), { maxLength: 200 }), (subnet, choices) => {
        const allocator = new Allocator(poolOf(subnet));
        const usable = new Allocator(poolOf(subnet)).drain();
        const held = new Set<Ip>();
        let last = -1;
        for (const choice of choices) {
          const victim = [...held][choice];
          if (victim !== undefined) {
            expect(allocator.release(victim)).toBe(true);
            held.delete(victim);
            continue;
          }
          const circle = [...usable.slice(last + 1), ...usable.slice(0, last + 1)];
          const expected = circle.find((ip) => !held.has(ip));
          if (expected === undefined) {
            expect(() => allocator.next()).toThrow(expect.objectContaining({ kind: 'exhausted' }));
          } else {
            expect(allocator.next()).toBe(expected);
            held.add(expected);
            last = usable.indexOf(expected);
          }
        }
      }),
    );
  });
});
