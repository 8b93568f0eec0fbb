import { statSync } from 'node:fs';
import { fromNativeError } from '../netlink/errno.ts';

/** The identity of a namespace on this machine until it ends: `device:inode`, such as `4:4026532281`. */
export type NetnsId = string & { readonly __brand: 'NetnsId' };

/**
 * The identity of the namespace at a path: the same for every path of one namespace.
 *
 * @param path such as `/run/netns/blue`; default the process's own
 * @throws not-found, denied
 */
export function netnsIdOf(path = '/proc/self/ns/net'): NetnsId {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}` as NetnsId;
  } catch (error) {
    throw fromNativeError(`read the network namespace ${path}`, error);
  }
}
