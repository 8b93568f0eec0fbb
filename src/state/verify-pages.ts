import type { StoreFileFacts, Tree } from './store-file.ts';

// Source: lmdb 0.9.90 mdb.c as in lmdb-js 3.5.6: MDB_page_header, MDB_node, MDB_ovpage. Host order, little-endian here.
const pageHeader = 24;
const nodeHeader = 8;
const flag = { branch: 0x01, leaf: 0x02, overflow: 0x04 } as const;
const bigData = 0x01;
const overflowReference = 24;
/** mdb.c, CURSOR_STACK. */
const deepestTree = 32;
/** Of lmdb-js: the longest key of a page of 4 KiB. */
const longestKey = 1978;

/**
 * Follows both trees of a store from their roots, as lmdb would, and looks whether every page, node and length lies where
 * it may: lmdb itself follows them unseen, and ends the process where one leads astray. Keys must ascend, because lmdb
 * finds nothing otherwise, and records that cannot be found look like records that are not there.
 *
 * @returns what is wrong, in a few words; undefined if nothing is
 */
export function verifyPages(file: Buffer, facts: StoreFileFacts): string | undefined {
  try {
    const used = new Uint8Array(facts.lastPage + 1).fill(1, 0, 2);
    new TreeWalk(file, facts, used, facts.records).walk();
    new TreeWalk(file, facts, used, facts.free, (list) => verifyFreePages(list, facts, used)).walk();
    return undefined;
  } catch (error) {
    if (error instanceof Wrong || error instanceof RangeError) return error.message;
    throw error;
  }
}

class Wrong extends Error {}

function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Wrong(otherwise);
}

/** One tree, its leaves from left to right. */
class TreeWalk {
  readonly #file: Buffer;
  /** The same, two bytes each: everything but keys and values lies at even places, and readers of `Buffer` cost thrice. */
  readonly #words: Uint16Array;
  readonly #facts: StoreFileFacts;
  readonly #used: Uint8Array;
  readonly #tree: Tree;
  readonly #look: ((value: Buffer) => void) | undefined;
  readonly #counts = { branches: 0, leaves: 0, overflows: 0, entries: 0 };
  /** Where the last key lies, and how long it is. */
  #lastKey = 0;
  #lastKeyLength = -1;

  constructor(
    file: Buffer,
    facts: StoreFileFacts,
    used: Uint8Array,
    tree: Tree,
    look?: (value: Buffer) => void,
  ) {
    this.#file = file;
    this.#words = new Uint16Array(file.buffer, file.byteOffset, file.byteLength >> 1);
    this.#facts = facts;
    this.#used = used;
    this.#tree = tree;
    this.#look = look;
  }

  walk(): void {
    const { root, depth, branches, leaves, overflows, entries } = this.#tree;
    if (root === undefined) return must(entries === 0, 'entries without a root');
    must(depth >= 1 && depth <= deepestTree, `a tree ${depth} pages deep`);
    this.#page(root, depth);
    const found = this.#counts;
    must(
      found.entries === entries &&
        found.branches === branches &&
        found.leaves === leaves &&
        found.overflows === overflows,
      `${found.entries} entries where ${entries} are counted`,
    );
  }

  #page(number: number, levels: number): void {
    const start = this.#enter(number, 1);
    const flags = this.#u16(start + 18);
    const isLeaf = levels === 1;
    must(flags === (isLeaf ? flag.leaf : flag.branch), `page ${number} is of another kind`);
    const [lower, upper] = [this.#u16(start + 20), this.#u16(start + 22)];
    const room = this.#facts.pageSize - pageHeader;
    must(lower % 2 === 0 && lower <= upper && upper <= room, `page ${number} has no sound bounds`);
    const count = lower / 2;
    must(count >= (isLeaf ? 1 : 2), `page ${number} is empty`);
    if (isLeaf) this.#counts.leaves += 1;
    else this.#counts.branches += 1;
    for (let index = 0; index < count; index++) {
      const offset = this.#u16(start + pageHeader + index * 2);
      must(offset >= upper && offset + nodeHeader <= room, `page ${number} points outside itself`);
      const node = start + pageHeader + offset;
      const end = start + this.#facts.pageSize;
      if (isLeaf) this.#record(number, node, end);
      else this.#branch(number, node, end, index === 0, levels - 1);
    }
  }

  #branch(page: number, node: number, end: number, isFirst: boolean, levels: number): void {
    const keyLength = this.#u16(node + 6);
    must(node + nodeHeader + keyLength <= end, `page ${page} has a key beyond its end`);
    // The first key of a branch stands for all that is smaller, and is never looked at.
    if (!isFirst) this.#ascend(page, node + nodeHeader, keyLength, true);
    const child = this.#u32(node) + this.#u16(node + 4) * 2 ** 32;
    this.#page(child, levels);
  }

  #record(page: number, node: number, end: number): void {
    const [flags, keyLength] = [this.#u16(node + 4), this.#u16(node + 6)];
    const length = this.#u32(node);
    const isBig = flags === bigData;
    must(flags === 0 || isBig, `page ${page} has a record of an unknown kind`);
    const value = node + nodeHeader + keyLength;
    must(keyLength > 0 && keyLength <= longestKey, `page ${page} has a key of ${keyLength} bytes`);
    must(value + (isBig ? overflowReference : length) <= end, `page ${page} has a record beyond its end`);
    this.#ascend(page, node + nodeHeader, keyLength, false);
    this.#counts.entries += 1;
    const at = isBig ? this.#overflow(value, length) : value;
    this.#look?.(this.#file.subarray(at, at + length));
  }

  /** Where the data begins that fill pages of their own. */
  #overflow(reference: number, length: number): number {
    const number = Number(this.#file.readBigUInt64LE(reference));
    const pages = Number(this.#file.readBigUInt64LE(reference + 16));
    must(
      pages === Math.ceil((pageHeader + length) / this.#facts.pageSize),
      `page ${number} has no sound length`,
    );
    const start = this.#enter(number, pages);
    must(this.#u16(start + 18) === flag.overflow, `page ${number} is of another kind`);
    must(this.#u32(start + 20) === pages, `page ${number} has no sound length`);
    this.#counts.overflows += pages;
    return start + pageHeader;
  }

  /** Where some pages begin, that nothing else may use. */
  #enter(number: number, pages: number): number {
    must(number >= 2 && number + pages - 1 <= this.#facts.lastPage, `page ${number} is outside the file`);
    const start = number * this.#facts.pageSize;
    // Pages that are free may lie behind the end: they were never written.
    must(start + pages * this.#facts.pageSize <= this.#file.length, `it ends before page ${number}`);
    must(this.#wide(start) === number, `page ${number} says it is another`);
    for (let page = number; page < number + pages; page++) {
      must(this.#used[page] === 0, `page ${page} is used twice`);
      this.#used[page] = 1;
    }
    return start;
  }

  #ascend(page: number, key: number, length: number, mayEqual: boolean): void {
    const order =
      this.#lastKeyLength < 0 ? -1 : this.#compare(this.#lastKey, this.#lastKeyLength, key, length);
    must(order < 0 || (mayEqual && order === 0), `page ${page} has keys out of order`);
    if (mayEqual) return;
    this.#lastKey = key;
    this.#lastKeyLength = length;
  }

  #compare(one: number, oneLength: number, other: number, otherLength: number): number {
    // Numbers of transactions are kept in host order.
    if (this.#tree === this.#facts.free) {
      must(oneLength === 8 && otherLength === 8, 'a key of free pages is no number');
      return Number(this.#file.readBigUInt64LE(one) - this.#file.readBigUInt64LE(other));
    }
    return this.#file.compare(this.#file, other, other + otherLength, one, one + oneLength);
  }

  #u16(at: number): number {
    return this.#words[at >> 1] ?? 0;
  }

  #u32(at: number): number {
    return this.#u16(at) + this.#u16(at + 2) * 0x10000;
  }

  #wide(at: number): number {
    return this.#u32(at) + this.#u32(at + 4) * 2 ** 32;
  }
}

/** Free pages are a count and so many numbers; a negative one is how many follow the next. */
function verifyFreePages(list: Buffer, { lastPage }: StoreFileFacts, used: Uint8Array): void {
  const read = (index: number) => Number(list.readBigInt64LE(index * 8));
  const count = read(0);
  must(count >= 0 && (count + 1) * 8 <= list.length, 'a list of free pages is longer than its record');
  for (let index = 1; index <= count; index++) {
    const run = read(index) < 0 ? -read(index++) : 1;
    const first = index <= count ? read(index) : 0;
    // Zeros are places in reserve.
    if (first === 0) continue;
    must(first >= 2 && first + run - 1 <= lastPage, `page ${first} is free outside the file`);
    for (let page = first; page < first + run; page++) {
      must(used[page] !== 1, `page ${page} is used and free`);
    }
  }
}
