import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clear, isTaken, levelsFor, nextFree, take } from '../../../src/ipam/address-tree.ts';
import { MemoryNodes } from './memory-nodes.ts';

/** The lowest number from `first` to `last` that a set does not hold. */
function nextFreeOf(taken: ReadonlySet<bigint>, first: bigint, last: bigint): bigint | undefined {
  for (let offset = first; offset <= last; offset++) if (!taken.has(offset)) return offset;
  return undefined;
}

describe('address tree', () => {
  it('answers as a set of numbers does', () => {
    const step = fc.record({
      action: fc.constantFrom('take', 'takeRun', 'clear', 'nextFree'),
      offset: fc.bigInt({ min: 0n, max: 4095n }),
      length: fc.bigInt({ min: 1n, max: 2200n }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const [nodes, levels, model] = [new MemoryNodes(), levelsFor(12), new Set<bigint>()];
        for (const { action, offset, length } of steps) {
          const last = offset + length > 4095n ? 4095n : offset + length;
          if (action === 'nextFree') {
            expect(nextFree(nodes, levels, offset, last)).toBe(nextFreeOf(model, offset, last));
          } else if (action === 'clear') {
            expect(clear(nodes, levels, offset)).toBe(model.delete(offset));
          } else {
            for (let at = offset; at <= (action === 'take' ? offset : last); at++) {
              expect(take(nodes, levels, at)).toBe(!model.has(at));
              model.add(at);
            }
          }
        }
        for (let offset = 0n; offset < 4096n; offset += 1n) {
          if (isTaken(nodes, offset) !== model.has(offset)) throw new Error(`differs at ${offset}`);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('finds lonely free addresses in an IPv6 /64 and beyond', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(64, 96, 128),
        fc.uniqueArray(fc.bigInt({ min: 0n, max: (1n << 64n) - 2n }), { maxLength: 20 }),
        (hostBits, offsets) => {
          const [nodes, levels, model] = [new MemoryNodes(), levelsFor(hostBits), new Set(offsets)];
          for (const offset of offsets) take(nodes, levels, offset);
          for (const offset of offsets) {
            const last = offset + 30n;
            expect(nextFree(nodes, levels, offset, last)).toBe(nextFreeOf(model, offset, last));
          }
          for (const offset of offsets) expect(clear(nodes, levels, offset)).toBe(true);
          expect(nodes.count).toBe(0);
        },
      ),
    );
  });

  it('reads two nodes a level at most, however many addresses are taken', () => {
    const [nodes, levels] = [new MemoryNodes(), levelsFor(24)];
    for (let offset = 0n; offset < 300_000n; offset++) take(nodes, levels, offset);
    nodes.reads = 0;
    expect(nextFree(nodes, levels, 0n, (1n << 24n) - 1n)).toBe(300_000n);
    expect(nodes.reads).toBeLessThanOrEqual(2 * levels);
    expect((nodes.bytes * 8) / 300_000).toBeLessThan(1.1);
  });

  it('is full at the end of a level and nowhere past it', () => {
    const [nodes, levels] = [new MemoryNodes(), levelsFor(10)];
    for (let offset = 0n; offset < 1024n; offset++) take(nodes, levels, offset);
    expect(nextFree(nodes, levels, 0n, 1023n)).toBeUndefined();
    expect(nextFree(nodes, levels, 1023n, 1023n)).toBeUndefined();
    clear(nodes, levels, 1023n);
    expect(nextFree(nodes, levels, 0n, 1023n)).toBe(1023n);
    expect(nextFree(nodes, levels, 0n, 1022n)).toBeUndefined();
  });
});
