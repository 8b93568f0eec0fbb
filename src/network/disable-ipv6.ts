import { writeSysctl } from '../kernel/proc/index.ts';
import { TsnetError, type IfName } from '../model/index.ts';
import type { Kernel } from '../observe/index.ts';

/**
 * Keeps IPv6 off a link of ours that is no bridge, while it is down.
 *
 * A bridge takes what comes from its ports, but not frames for the group addresses 01:80:c2:00:00:0X: those go up the
 * stack at the port itself, router advertisements in them as well. Source: Linux `br_input.c`, br_handle_frame.
 *
 * Whoever turns IPv6 on for all links does so for this one: then it still takes no advertisement.
 */
export function disableIpv6({ netns }: Pick<Kernel, 'netns'>, link: IfName): void {
  try {
    writeSysctl(`ipv6/conf/${link}/disable_ipv6`, '1', netns);
    writeSysctl(`ipv6/conf/${link}/accept_ra`, '0', netns);
  } catch (error) {
    // The kernel has no IPv6.
    if (!(error instanceof TsnetError) || error.kind !== 'not-found') throw error;
  }
}
