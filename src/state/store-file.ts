import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { printable, TsnetError } from '../model/index.ts';
import { toStoreError } from './store-error.ts';
import { verifyPages } from './verify-pages.ts';

// Source: lmdb 0.9.90 mdb.c as in lmdb-js 3.5.6: MDB_meta follows a page header of 24 bytes, in host order.
const magicOffset = 24;
const magic = 0xbeefc0de;
const dataVersion = 2;
const metaLength = 24 + 144;
/** Two pages of the size that lmdb chooses on this processor, or of a larger one. */
const headLength = 0x8000 + metaLength;
/** P_META. */
const metaPage = 0x08;
/** Nothing of ours comes near, and the kernel maps no more on any host: 16 TiB. */
const largestMap = 2 ** 44;
/** P_INVALID, as two halves. */
const noPage = 0xffffffff;

/** One tree of a store. */
export interface Tree {
  readonly depth: number;
  readonly branches: number;
  readonly leaves: number;
  readonly overflows: number;
  readonly entries: number;
  /** Absent while it is empty. */
  readonly root?: number;
}

/** What the newest meta page of a store says. */
export interface StoreFileFacts {
  /** In bytes. */
  readonly size: number;
  readonly pageSize: number;
  readonly lastPage: number;
  readonly transaction: number;
  readonly records: Tree;
  readonly free: Tree;
}

/** A file of a store can't be used: lmdb would end the process on it, or find things that are not there. */
export class DamagedStoreError extends TsnetError {
  constructor(directory: string, why: string) {
    super('unavailable', `open state: ${fileOf(directory)} is damaged or not ours: ${why}`, {
      subject: fileOf(directory),
      hint: damageHint,
    });
  }
}

/** A record is not as it was written. */
export class DamagedRecordError extends TsnetError {
  constructor(directory: string, record: string) {
    super('unavailable', `read state in ${fileOf(directory)}: record ${printable(record)} is damaged`, {
      subject: record,
      hint: damageHint,
    });
  }
}

const damageHint =
  "'tsnet state check' says what is left, 'tsnet state restore' puts back the last good copy";

/** The file with the records of a store. */
export function fileOf(directory: string): string {
  return join(directory, 'data.mdb');
}

/** Whether there is a store in the directory, and something in it. @throws denied without the right to look */
export function hasStore(directory: string): boolean {
  try {
    return (statSync(fileOf(directory), { throwIfNoEntry: false })?.size ?? 0) > 0;
  } catch (error) {
    throw toStoreError('open state', directory, error);
  }
}

/**
 * Refuses a file on which lmdb-js 3.5.6 ends the process with a signal, or loses records silently: foreign, cut off, or with
 * pages that lead astray. To be called while nobody commits. A missing or empty file is a store that is yet to be made.
 *
 * @returns undefined where there is nothing to look at
 * @throws DamagedStoreError; errors of `node:fs`
 */
export function verifyStoreFile(directory: string): StoreFileFacts | undefined {
  if (!hasStore(directory)) return undefined;
  const file = readWhole(fileOf(directory));
  if (file.length === 0) return undefined;
  const found = readFacts(file);
  const why = typeof found === 'string' ? found : verifyPages(file, found);
  if (why !== undefined) throw new DamagedStoreError(directory, why);
  return found as StoreFileFacts;
}

/** Whether a file begins as a store does; what lies behind is not looked at. */
export function hasSoundHead(directory: string): boolean {
  return typeof readFacts(readWhole(fileOf(directory), headLength)) !== 'string';
}

/** What a file says of itself, or what is wrong with that. */
function readFacts(file: Buffer): StoreFileFacts | string {
  if (endianness() !== 'LE') return 'this processor orders bytes in a way that tsnet was never tried with';
  const first = readMeta(file, 0);
  if (typeof first === 'string') return first;
  const second = readMeta(file, first.pageSize);
  if (typeof second === 'string') return second;
  if (second.pageSize !== first.pageSize) return 'its two heads have different page sizes';
  // As lmdb picks them; the other one may be of any age.
  return first.transaction >= second.transaction ? first : second;
}

function readMeta(file: Buffer, at: number): StoreFileFacts | string {
  if (file.length < at + metaLength) return `it ends after ${file.length} bytes, in its head`;
  const wide = (offset: number) =>
    file.readUInt32LE(at + offset) + file.readUInt32LE(at + offset + 4) * 2 ** 32;
  if (file.readUInt32LE(at + magicOffset) !== magic) return 'it does not begin as lmdb does';
  if ((file.readUInt16LE(at + 18) & metaPage) === 0) return 'its head is marked as something else';
  if ((file.readUInt32LE(at + 28) & 0xffff) !== dataVersion) return 'another version of lmdb wrote it';
  const pageSize = file.readUInt32LE(at + 48);
  const isPageSize = pageSize >= 256 && pageSize <= 0x8000 && Number.isInteger(Math.log2(pageSize));
  if (!isPageSize) return `its pages would have ${pageSize} bytes`;
  const tree = (offset: number): Tree => {
    const [depth, root] = [file.readUInt16LE(at + offset + 6), at + offset + 40];
    const isEmpty = file.readUInt32LE(root) === noPage && file.readUInt32LE(root + 4) === noPage;
    return {
      depth,
      branches: wide(offset + 8),
      leaves: wide(offset + 16),
      overflows: wide(offset + 24),
      entries: wide(offset + 32),
      ...(isEmpty ? {} : { root: wide(offset + 40) }),
    };
  };
  const lastPage = wide(144);
  const mapSize = wide(40);
  const needed = (lastPage + 1) * pageSize;
  if (wide(32) !== 0 || mapSize > largestMap || needed > largestMap) return 'its head has impossible sizes';
  // Keys of the free pages are numbers, and nothing else is special in our stores.
  if ((file.readUInt16LE(at + 52) & 0x0f) !== 0x08 || file.readUInt16LE(at + 100) !== 0) {
    return 'its head has flags that tsnet does not use';
  }
  return {
    size: file.length,
    pageSize,
    lastPage,
    transaction: wide(152),
    free: tree(48),
    records: tree(96),
  };
}

function readWhole(path: string, most = Number.POSITIVE_INFINITY): Buffer {
  const file = openSync(path, 'r');
  try {
    const content = Buffer.allocUnsafeSlow(Math.min(most, fstatSync(file).size));
    let length = 0;
    for (let read = -1; read !== 0 && length < content.length; length += read) {
      read = readSync(file, content, length, content.length - length, length);
    }
    return content.subarray(0, length);
  } finally {
    closeSync(file);
  }
}
