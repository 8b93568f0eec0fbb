import { native, type NativeSocket } from '../native.ts';
import { fromNativeError } from './errno.ts';

/** AF_NETLINK and SOCK_RAW. Source: `linux/socket.h`. */
export const netlinkDomain = 16;
export const rawType = 3;

/** SOL_NETLINK, NETLINK_LISTEN_ALL_NSID: events of every namespace that has an id here. Source: netlink(7). */
const listenEverywhere = [270, 8, 1] as const;

/**
 * Opens a netlink socket; the addon gives it large buffers, strict checks and worded errors.
 *
 * @param netns path of a namespace; absent means the process's own
 * @throws not-found when there is no such namespace, denied without the capability to enter it
 */
export function openNetlinkSocket(protocol: number, netns?: string, listensEverywhere = false): NativeSocket {
  try {
    return native().openSocket({
      domain: netlinkDomain,
      type: rawType,
      protocol,
      options: listensEverywhere ? [listenEverywhere] : [],
      ...(netns === undefined ? {} : { netns }),
    });
  } catch (error) {
    throw fromNativeError(`open a netlink socket${netns === undefined ? '' : ` in ${netns}`}`, error);
  }
}
