import { readlinkSync } from 'node:fs';
import type { Request } from './frame.ts';

/** Where this process stands: its network namespace, which it configures, and its mounts, by which it reads paths. */
export function ownNamespaces(): readonly string[] {
  return ['net', 'mnt'].map((name) => readlinkSync(`/proc/self/ns/${name}`));
}

/**
 * Whether a caller means this host and these records. One in another network namespace wants links there; by other
 * mounts the path of a sandbox leads elsewhere; and records of another folder are another tsnet's.
 */
export function isOurs(
  { namespaces, invocation }: Request,
  own: readonly string[],
  stateDirectory: string,
): boolean {
  const wanted = invocation.env['TSNET_STATE_DIR'] ?? '';
  return namespaces.join() === own.join() && (wanted === '' || wanted === stateDirectory);
}
