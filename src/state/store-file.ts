import { statSync } from 'node:fs';
import { join } from 'node:path';
import { native, type StoreFileFacts } from '../kernel/native.ts';
import { printable, TsnetError } from '../model/index.ts';
import { toStoreError } from './store-error.ts';

/** A file of a store can't be used: lmdb would end the process on it, or find things that are not there. */
export class DamagedStoreError extends TsnetError {
  constructor(directory: string, why: string) {
    super('unavailable', `open state: ${fileOf(directory)} is damaged or not ours: ${why}`, {
      subject: fileOf(directory),
      hint: damageHint,
    });
  }
}

/** What the kernel holds since this boot is not recorded any more: an answer would leave out whatever that is. */
export class LostRecordsError extends TsnetError {
  constructor(directory: string) {
    super(
      'unavailable',
      `read state: the records of this boot are lost: ${fileOf(directory)} is gone or empty`,
      {
        subject: fileOf(directory),
        hint: "'tsnet reconcile' records again what the kernel tells",
      },
    );
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
  const facts = native().inspectStore(fileOf(directory), 'all');
  if (facts.size === 0) return undefined;
  if (facts.problem !== undefined) throw new DamagedStoreError(directory, facts.problem);
  return facts;
}

/** Whether a file begins as a store does; what lies behind is not looked at. */
export function hasSoundHead(directory: string): boolean {
  return native().inspectStore(fileOf(directory), 'head').problem === undefined;
}
