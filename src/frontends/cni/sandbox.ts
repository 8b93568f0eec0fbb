import { statfsSync } from 'node:fs';
import { isHostNamespace, type Context } from '../../network/index.ts';
import { CniError, cniCodes } from './errors.ts';
import type { Request } from './request.ts';

// Source: Linux `magic.h`: NSFS_MAGIC, and PROC_SUPER_MAGIC for what old kernels have below `/proc/PID/ns`.
const namespaceFileSystems: readonly number[] = [0x6e73_6673, 0x9fa0];

/** @throws a CniError 8 when there is no namespace at the path */
export function refuseNoNamespace({ netns }: Request): void {
  let type: number;
  try {
    ({ type } = statfsSync(netns));
  } catch (cause) {
    throw invalidNamespace(netns, (cause as NodeJS.ErrnoException).code ?? String(cause), cause);
  }
  if (!namespaceFileSystems.includes(type)) throw invalidNamespace(netns, 'it is no network namespace');
}

/**
 * Before anything is touched: in the host's own namespace both ends of the pair would be there, and its routes changed.
 * CNI_NETNS_OVERRIDE changes nothing here: nobody has use for that.
 *
 * @throws a CniError 8
 */
export function refuseHostNamespace(context: Context, { netns }: Request): void {
  if (isHostNamespace(context, netns)) throw invalidNamespace(netns, "it is the host's own");
}

function invalidNamespace(netns: string, reason: string, cause?: unknown): CniError {
  return new CniError(cniCodes.invalidNamespace, `CNI_NETNS: ${JSON.stringify(netns)}: ${reason}`, {
    subject: 'CNI_NETNS',
    hint: "expected the path of a container's network namespace",
    cause,
  });
}
