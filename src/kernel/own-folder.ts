import { mkdirSync, statSync } from 'node:fs';
import { toTsnetError, TsnetError } from '../model/errors.ts';

const writableByOthers = 0o022;

/**
 * Makes a folder for records or locks that only its user may open, with its parents, whatever the umask.
 *
 * @param what it is, for messages, such as `run directory`
 * @throws denied when it can't be made, or is another user's or writable by others, who could replace what is in it
 */
export function ensureOwnFolder(path: string, what: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw toTsnetError(error);
  }
  refuseForeignFolder(path, what);
}

/** @throws denied for a folder that is neither root's nor the user's own, or that others may write to */
export function refuseForeignFolder(path: string, what: string): void {
  const { uid, mode } = statSync(path);
  const isOwn = uid === 0 || uid === process.geteuid?.();
  if (isOwn && (mode & writableByOthers) === 0) return;
  const octal = (mode & 0o7777).toString(8).padStart(4, '0');
  throw new TsnetError(
    'denied',
    `${what} ${path}: it belongs to user ${uid} and has mode ${octal}; it must be root's or your own, and nobody else's to write`,
    { subject: path, hint: `chown root: ${path}; chmod 0700 ${path}; or choose another folder` },
  );
}
