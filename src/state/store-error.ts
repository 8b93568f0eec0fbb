import { getSystemErrorName } from 'node:util';
import { TsnetError } from '../model/index.ts';

/** An error of lmdb as one of ours; others, which a caller's own code threw, come back as they are. */
export function fromLmdb(doing: string, directory: string, error: unknown): unknown {
  const isLmdb = error instanceof Error && 'code' in error && typeof error.code === 'number';
  return isLmdb ? toStoreError(doing, directory, error) : error;
}

/**
 * An error of file system or lmdb as one of ours; what is neither comes back as it is.
 *
 * @param doing what was tried, such as `open state`
 */
export function toStoreError(doing: string, directory: string, error: unknown): unknown {
  if (error instanceof TsnetError || !(error instanceof Error) || !('code' in error)) return error;
  const errno = errnoOf(error.code);
  const details = { subject: directory, cause: error, ...(errno === undefined ? {} : { errno }) };
  const message = `${doing} in ${directory}: ${error.message}`;
  if (errno === 'EACCES' || errno === 'EPERM') {
    return new TsnetError('denied', message, { ...details, hint: 'run as root' });
  }
  const hint =
    // lmdb answers EIO to a short write, which is what a full file system gives.
    errno === 'EIO' || errno === 'ENOSPC' || errno === 'EDQUOT'
      ? 'look whether the file system is full or damaged'
      : 'check the file system; to begin anew, stop tsnet, move the directory away and create the networks again';
  return new TsnetError('unavailable', message, { ...details, hint });
}

/** The name of an error of the file system (text) or of lmdb (positive: errno, negative: its own). */
function errnoOf(code: unknown): string | undefined {
  if (typeof code === 'string') return code;
  if (typeof code !== 'number' || code <= 0) return undefined;
  return getSystemErrorName(-code);
}
