import { closeSync, openSync } from 'node:fs';
import { fromNativeError } from '../netlink/errno.ts';

/**
 * Holds a namespace open while `use` runs, so that the kernel can be given its descriptor.
 *
 * @param path such as `/run/netns/blue` or `/proc/12/ns/net`
 * @throws not-found when there is no such file, denied, and what `use` throws
 */
export async function withNetnsDescriptor<Result>(
  path: string,
  use: (descriptor: number) => Promise<Result>,
): Promise<Result> {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw fromNativeError(`open the network namespace ${path}`, error);
  }
  try {
    return await use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
