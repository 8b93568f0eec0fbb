import type { NodeStore } from '../../../src/ipam/index.ts';

/** Address tree nodes in a map; `bytes` is what they need together. */
export class MemoryNodes implements NodeStore {
  readonly #nodes = new Map<string, Uint8Array>();
  reads = 0;

  get(level: number, index: bigint): Uint8Array | undefined {
    this.reads += 1;
    return this.#nodes.get(`${level}/${index}`);
  }

  put(level: number, index: bigint, node: Uint8Array): void {
    this.#nodes.set(`${level}/${index}`, node);
  }

  delete(level: number, index: bigint): void {
    this.#nodes.delete(`${level}/${index}`);
  }

  get count(): number {
    return this.#nodes.size;
  }

  get bytes(): number {
    return [...this.#nodes.values()].reduce((sum, node) => sum + node.length, 0);
  }
}
