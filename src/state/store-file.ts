import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TsnetError } from '../model/index.ts';
import { toStoreError } from './store-error.ts';

// Source: lmdb 0.9.90 mdb.c: MDB_meta follows a page header of 24 bytes and begins with MDB_MAGIC in host order.
const magicOffset = 24;
const magic = 0xbeefc0de;

/** Whether there is a store in the directory. @throws denied without the right to look */
export function hasStore(directory: string): boolean {
  try {
    return statSync(fileOf(directory), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw toStoreError('open state', directory, error);
  }
}

/**
 * Refuses a file that lmdb did not make, on which lmdb-js 3.5.6 ends the process with a segmentation fault. A missing or
 * empty file is a store that is yet to be made.
 *
 * @throws unavailable
 */
export function refuseForeignFile(directory: string): void {
  if (!hasStore(directory)) return;
  const head = readHead(fileOf(directory));
  if (head.length === 0) return;
  const isStore =
    head.length >= magicOffset + 4 &&
    (head.readUInt32LE(magicOffset) === magic || head.readUInt32BE(magicOffset) === magic);
  if (isStore) return;
  throw new TsnetError('unavailable', `open state in ${directory}: data.mdb is damaged or not ours`, {
    subject: directory,
    hint: 'stop tsnet, move the directory away and create the networks again',
  });
}

function fileOf(directory: string): string {
  return join(directory, 'data.mdb');
}

function readHead(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(64);
    return head.subarray(0, readSync(file, head, 0, head.length, 0));
  } finally {
    closeSync(file);
  }
}
