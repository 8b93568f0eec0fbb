import { lstatSync, mkdirSync, readdirSync, statfsSync } from 'node:fs';
import { invalid } from '../../model/errors.ts';
import { native } from '../native.ts';
import { fromNativeError } from '../netlink/errno.ts';

/** Where named namespaces are pinned. Source: ip-netns(8). */
const folder = '/run/netns';

/** Source: linux/magic.h */
const nsfsMagic = 0x6e736673;

const namePattern = /^(?!\.{1,2}$)[A-Za-z0-9_.-]{1,255}$/;

/** Makes a namespace that `ip netns` lists; loopback is down. @returns its path @throws conflict, denied */
export function createNamedNetns(name: string): string {
  const path = pathOf(name);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    native().createNetns(path);
  } catch (error) {
    throw fromNativeError(`create the network namespace ${path}`, error);
  }
  return path;
}

/**
 * Unpins a namespace; it ends when no process or open descriptor is left in it. Gives false when there was none.
 *
 * @throws denied
 */
export function deleteNamedNetns(name: string): boolean {
  const path = pathOf(name);
  try {
    native().deleteNetns(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw fromNativeError(`delete the network namespace ${path}`, error);
  }
}

/** Whether only the empty file is left of a pinned namespace: somebody was killed while he pinned or unpinned it. */
export function isUnpinned(name: string): boolean {
  const path = pathOf(name);
  const status = lstatSync(path, { throwIfNoEntry: false });
  return status?.isFile() === true && status.size === 0 && statfsSync(path).type !== nsfsMagic;
}

/** The names of pinned namespaces, as `ip netns` lists them. */
export function listNamedNetns(): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw fromNativeError(`list network namespaces in ${folder}`, error);
  }
}

function pathOf(name: string): string {
  if (!namePattern.test(name)) {
    throw invalid('network namespace', name, '1 to 255 letters, digits, dots, dashes or underscores');
  }
  return `${folder}/${name}`;
}
