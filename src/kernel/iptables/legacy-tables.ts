import { closeSync, constants, readFileSync } from 'node:fs';
import type { IpFamily } from '../../model/ip.ts';
import { native, type NativeFolder } from '../native.ts';
import { fromNativeError } from '../netlink/errno.ts';

// Through the thread, because the namespace that a process's own entry shows is that of its first thread.
const folder = '/proc/thread-self/net';
const files = { 4: 'ip_tables_names', 6: 'ip6_tables_names' } as const;

/** What `legacyTablesIn` looks for, for `askNamespaces`. */
export const legacyTablesFolder: NativeFolder = { path: folder, files: Object.values(files) };

/** As `readLegacyTables`, from files that were read; undefined where they could not be. */
export function legacyTablesIn(
  family: IpFamily,
  contents: ReadonlyMap<string, string | undefined>,
): string[] | undefined {
  const path = `${folder}/${files[family]}`;
  return contents.has(path) ? linesOf(contents.get(path) ?? '') : undefined;
}

/**
 * The tables of the legacy flavour that are in use, such as `filter`. Naming one to a program would put it in use.
 *
 * @param netns path of a namespace; absent means the process's own
 * @throws not-found when there is no such namespace, denied
 */
export function readLegacyTables(family: IpFamily, netns?: string): string[] {
  const path = `${folder}/${files[family]}`;
  try {
    return linesOf(netns === undefined ? readFileSync(path, 'utf8') : readIn(netns, path));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw fromNativeError(`read ${path}${netns === undefined ? '' : ` in ${netns}`}`, error);
  }
}

function readIn(netns: string, path: string): string {
  const descriptor = native().openFileIn(netns, path, constants.O_RDONLY);
  try {
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
