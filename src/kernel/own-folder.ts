import { chmodSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { TsnetError } from '../model/errors.ts';

const writableByOthers = 0o022;
const sticky = 0o1000;
/** What the kernel shows for owners that a user namespace has no number for. Source: user_namespaces(7). */
const overflowUser = 65534;

/**
 * Makes a folder with its parents, whatever the umask. One that is there must belong to root or this user, and no other
 * user may be able to write into it or to replace it: who can, decides what tsnet reads.
 *
 * @param mode for what is made
 * @throws denied when it belongs to others; errors of `node:fs`
 */
export function ensureOwnFolder(path: string, mode: 0o700 | 0o755 = 0o700): void {
  const first = mkdirSync(path, { recursive: true, mode });
  // What was made has that mode, whatever the umask.
  for (const made of first === undefined ? [] : foldersFrom(first, path)) chmodSync(made, mode);
  refuseForeignFolder(path);
}

/** Refuses a folder that another user owns, may write into or may replace. @throws denied */
export function refuseForeignFolder(path: string): void {
  const real = realpathSync(path);
  refuseForeign(real, writableByOthers, false);
  for (let parent = dirname(real); ; parent = dirname(parent)) {
    refuseForeign(parent, 0o002, true);
    if (parent === dirname(parent)) return;
  }
}

/** The first of some folders, each of which holds the next, to the last. */
function foldersFrom(first: string, last: string): string[] {
  const parent = dirname(last);
  return last.length <= first.length || parent === last ? [last] : [...foldersFrom(first, parent), last];
}

function refuseForeign(path: string, forbidden: number, isParent: boolean): void {
  const { uid, mode } = statSync(path);
  const users = [0, process.geteuid?.(), ...(isParent && isInUserNamespace() ? [overflowUser] : [])];
  const isSticky = isParent && (mode & sticky) !== 0;
  if (users.includes(uid) && (isSticky || (mode & forbidden) === 0)) return;
  const bits = (mode & 0o7777).toString(8).padStart(4, '0');
  throw new TsnetError('denied', `use ${path}: it belongs to user ${uid} and has mode ${bits}`, {
    subject: path,
    hint: 'it must belong to root or to the user of tsnet, and others must not be able to write there',
  });
}

function isInUserNamespace(): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'latin1'));
}
