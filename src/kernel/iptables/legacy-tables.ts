import { closeSync, constants, readFileSync } from 'node:fs';
import type { IpFamily } from '../../model/ip.ts';
import { native } from '../native.ts';
import { fromNativeError } from '../netlink/errno.ts';

/**
 * The tables of the legacy flavour that are in use, such as `filter`. Naming one to a program would put it in use.
 *
 * @param netns path of a namespace; absent means the process's own
 * @throws not-found when there is no such namespace, denied
 */
export function readLegacyTables(family: IpFamily, netns?: string): string[] {
  // Through the thread, because the namespace that a process's own entry shows is that of its first thread.
  const path = `/proc/thread-self/net/${family === 4 ? 'ip' : 'ip6'}_tables_names`;
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
