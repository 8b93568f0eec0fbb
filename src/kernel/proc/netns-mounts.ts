import { readFileSync } from 'node:fs';

/** A network namespace that is pinned in the file system. */
export interface NetnsMount {
  readonly inode: number;
  /** As the process sees it whose mounts these are. */
  readonly path: string;
}

/**
 * The network namespaces that are mounted somewhere, as one process sees it.
 *
 * Source: proc(5), `/proc/pid/mountinfo`.
 *
 * @param process its number, default the caller
 * @throws the error of `readFileSync`
 */
export function listNetnsMounts(process: number | 'self' = 'self'): NetnsMount[] {
  return parseNetnsMounts(readFileSync(`/proc/${process}/mountinfo`, 'utf8'));
}

/** A line: id, parent, device, root, mount point, options, …, `-`, type, source, options. */
const pattern = /^\d+ \d+ \S+ net:\[(\d+)\] (\S+) [^\n]*- nsfs /gm;

/** Reads the text of `mountinfo`. */
export function parseNetnsMounts(text: string): NetnsMount[] {
  if (!text.includes(' net:[')) return [];
  return Array.from(text.matchAll(pattern), ([, inode, path = '']) => ({
    inode: Number(inode),
    path: unescape(path),
  }));
}

/** White space and backslashes are written as three octal digits each. */
function unescape(path: string): string {
  if (!path.includes('\\')) return path;
  const bytes = Buffer.from(path, 'utf8').toString('latin1');
  const raw = bytes.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(parseInt(digits, 8)),
  );
  return Buffer.from(raw, 'latin1').toString('utf8');
}
