/**
 * Where the nodes of one address tree are kept. `get` may hand out the bytes it keeps: the tree copies before it
 * changes, and gives away what it puts.
 */
export interface NodeStore {
  get(level: number, index: bigint): Uint8Array | undefined;
  put(level: number, index: bigint, node: Uint8Array): void;
  delete(level: number, index: bigint): void;
}

// A node has 2¹⁰ bits: three levels hold an IPv4 /8, seven an IPv6 /64, and a lonely address costs 128 bytes.
const bitsOfIndex = 10n;
const bitsPerNode = 1 << Number(bitsOfIndex);
const bitMask = BigInt(bitsPerNode - 1);
const bytesPerNode = bitsPerNode / 8;

/** How many levels a tree needs for offsets of that many bits, 0 to 128. */
export function levelsFor(hostBits: number): number {
  return Math.max(1, Math.ceil(hostBits / Number(bitsOfIndex)));
}

/** Whether the address at the offset is taken. */
export function isTaken(nodes: NodeStore, offset: bigint): boolean {
  const node = nodes.get(0, offset >> bitsOfIndex);
  return node !== undefined && hasBit(node, bitOf(offset));
}

/**
 * Marks the address at the offset as taken. In a leaf a bit stands for an address, above it for a child that is
 * completely taken; a node that is not stored is all free. So an empty tree needs no space, whatever its size.
 *
 * @returns false if it was taken already
 */
export function take(nodes: NodeStore, levels: number, offset: bigint): boolean {
  if (isTaken(nodes, offset)) return false;
  let position = offset;
  for (let level = 0; level < levels; level++) {
    const index = position >> bitsOfIndex;
    const node = copyOf(nodes.get(level, index));
    setBit(node, bitOf(position));
    nodes.put(level, index, node);
    if (!isFull(node)) break;
    position = index;
  }
  return true;
}

/**
 * Marks the address at the offset as free.
 *
 * @returns false if it was free already
 */
export function clear(nodes: NodeStore, levels: number, offset: bigint): boolean {
  if (!isTaken(nodes, offset)) return false;
  let position = offset;
  for (let level = 0; level < levels; level++) {
    const index = position >> bitsOfIndex;
    const node = copyOf(nodes.get(level, index));
    const wasFull = isFull(node);
    clearBit(node, bitOf(position));
    if (isEmpty(node)) nodes.delete(level, index);
    else nodes.put(level, index, node);
    if (!wasFull) break;
    position = index;
  }
  return true;
}

/**
 * The lowest free offset from `first` to `last`, both inclusive. Reads at most two nodes of each level, whatever
 * the number of addresses taken.
 */
export function nextFree(nodes: NodeStore, levels: number, first: bigint, last: bigint): bigint | undefined {
  let position = first;
  for (let level = 0; level < levels; level++) {
    const index = position >> bitsOfIndex;
    const bit = firstFreeBit(nodes.get(level, index), bitOf(position));
    if (bit !== undefined) {
      const offset = descend(nodes, level, (index << bitsOfIndex) + BigInt(bit));
      return offset <= last ? offset : undefined;
    }
    position = index + 1n;
  }
  return undefined;
}

/** The lowest free offset below a position of an inner level whose bit says that there is one. */
function descend(nodes: NodeStore, from: number, start: bigint): bigint {
  let position = start;
  for (let level = from - 1; level >= 0; level--) {
    const bit = firstFreeBit(nodes.get(level, position), 0) ?? 0;
    position = (position << bitsOfIndex) + BigInt(bit);
  }
  return position;
}

function firstFreeBit(node: Uint8Array | undefined, from: number): number | undefined {
  if (from >= bitsPerNode) return undefined;
  if (node === undefined) return from;
  let byte = from >> 3;
  // Bits before the first one wanted count as taken.
  let taken = (node[byte] ?? 0) | ((1 << (from & 7)) - 1);
  while (taken === 0xff) {
    byte += 1;
    if (byte === bytesPerNode) return undefined;
    taken = node[byte] ?? 0;
  }
  const lowestFree = ~taken & -~taken;
  return (byte << 3) + (31 - Math.clz32(lowestFree));
}

// Not `slice`, which shares memory if the bytes are a Buffer.
function copyOf(node: Uint8Array | undefined): Uint8Array {
  return node === undefined ? new Uint8Array(bytesPerNode) : new Uint8Array(node);
}

function bitOf(position: bigint): number {
  return Number(position & bitMask);
}

function hasBit(node: Uint8Array, bit: number): boolean {
  return ((node[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0;
}

function setBit(node: Uint8Array, bit: number): void {
  node[bit >> 3] = (node[bit >> 3] ?? 0) | (1 << (bit & 7));
}

function clearBit(node: Uint8Array, bit: number): void {
  node[bit >> 3] = (node[bit >> 3] ?? 0) & ~(1 << (bit & 7));
}

function isFull(node: Uint8Array): boolean {
  return node.every((byte) => byte === 0xff);
}

function isEmpty(node: Uint8Array): boolean {
  return node.every((byte) => byte === 0);
}
