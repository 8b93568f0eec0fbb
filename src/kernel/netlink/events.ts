import { toTsnetError, type TsnetError } from '../../model/errors.ts';
import { addressTypes, decodeAddress, type LinkAddress } from './addresses.ts';
import { netlinkProtocols } from './connection.ts';
import { fromNativeError } from './errno.ts';
import { decodeLink, type Link } from './link.ts';
import { linkTypes } from './link-messages.ts';
import { splitMessages, type Reply } from './message.ts';
import {
  decodeForwardingEntry,
  decodeNeighbour,
  neighbourTypes,
  type ForwardingEntry,
  type Neighbour,
} from './neighbours.ts';
import { decodeNsid, nsidTypes } from './nsids.ts';
import { decodeRoute, type Route } from './route.ts';
import { routeTypes } from './routes.ts';
import { decodeQdisc, type Qdisc } from './qdiscs.ts';
import { openNetlinkSocket } from './socket.ts';
import { tcTypes } from './tc-message.ts';

/** What to hear of. */
export type EventGroup = keyof typeof groups;

/** RTNLGRP_*. Source: `linux/rtnetlink.h`. */
const groups = {
  link: 1,
  neighbour: 3,
  qdisc: 4,
  address4: 5,
  route4: 7,
  address6: 9,
  route6: 11,
  nsid: 28,
} as const;

/** What changed. */
export type KernelObject =
  | { readonly kind: 'link'; readonly link: Link }
  | { readonly kind: 'address'; readonly address: LinkAddress }
  | { readonly kind: 'route'; readonly route: Route }
  | { readonly kind: 'neighbour'; readonly neighbour: Neighbour }
  | { readonly kind: 'forwarding'; readonly entry: ForwardingEntry }
  | { readonly kind: 'qdisc'; readonly qdisc: Qdisc }
  | { readonly kind: 'nsid'; readonly id: number };

/** A change in the kernel, or `lost`: some were missed, and what was known must be read again. */
export type RtnetlinkEvent =
  | (KernelObject & {
      /** `set` when it was made or changed. */
      readonly action: 'set' | 'deleted';
      /** The id of the namespace it happened in; undefined for the one that was subscribed in. */
      readonly nsid: number | undefined;
    })
  | { readonly kind: 'lost'; readonly reason: TsnetError };

/** Where to listen. */
export interface SubscribeOptions {
  /** Path of a namespace; absent means the process's own. */
  readonly netns?: string;
  /** Whether to hear of every namespace that has an id there as well. */
  readonly everywhere?: boolean;
  /** How late a change may be told. Those who make changes themselves are not held up by hearing of them. Default 0. */
  readonly delayMs?: number;
}

/** AF_BRIDGE: the message is about the port of a bridge, and its deletion leaves the link. */
const bridgeFamily = 7;

/**
 * Calls `onEvent` for every change, until it is disposed of.
 *
 * @throws not-found for the namespace, denied
 */
export function subscribe(
  wanted: readonly EventGroup[],
  onEvent: (event: RtnetlinkEvent) => void,
  { netns, everywhere = false, delayMs = 0 }: SubscribeOptions = {},
): Disposable {
  const socket = openNetlinkSocket(netlinkProtocols.route, netns, everywhere);
  const lost = (error: unknown): void => onEvent({ kind: 'lost', reason: toTsnetError(error) });
  const doing = `listen to ${wanted.join(', ')}${netns === undefined ? '' : ` in ${netns}`}`;
  const tell = (datagram: Buffer, nsid: number): void => {
    let events: RtnetlinkEvent[];
    try {
      events = decodeEvents(datagram, nsid);
    } catch (error) {
      return lost(error);
    }
    for (const event of events) onEvent(event);
  };
  try {
    socket.listen(
      wanted.map((group) => groups[group]),
      tell,
      (error) => lost(fromNativeError(doing, error)),
      delayMs,
    );
  } catch (error) {
    socket.close();
    throw fromNativeError(doing, error);
  }
  return { [Symbol.dispose]: () => socket.close() };
}

/** The changes that a datagram tells of. @throws kernel when malformed */
export function decodeEvents(datagram: Buffer, nsid = -1): RtnetlinkEvent[] {
  return splitMessages(datagram).flatMap((reply): RtnetlinkEvent[] => {
    const object = decodeObject(reply);
    if (object === undefined) return [];
    // RTM_NEW*, RTM_DEL* and RTM_GET* of a family follow each other from a multiple of 4.
    const action = reply.type % 4 === 1 ? 'deleted' : 'set';
    return [{ ...object, action, nsid: nsid === -1 ? undefined : nsid }];
  });
}

function decodeObject(reply: Reply): KernelObject | undefined {
  const { type, body } = reply;
  switch (type) {
    case linkTypes.new:
    case linkTypes.delete:
      return body[0] === bridgeFamily ? undefined : { kind: 'link', link: decodeLink(body) };
    case addressTypes.new:
    case addressTypes.delete: {
      const address = decodeAddress(body);
      return address && { kind: 'address', address };
    }
    case routeTypes.new:
    case routeTypes.delete: {
      const route = decodeRoute(body);
      return route && { kind: 'route', route };
    }
    case neighbourTypes.new:
    case neighbourTypes.delete: {
      const entry = decodeForwardingEntry(body);
      if (entry !== undefined) return { kind: 'forwarding', entry };
      const neighbour = decodeNeighbour(body);
      return neighbour && { kind: 'neighbour', neighbour };
    }
    case tcTypes.newQdisc:
    case tcTypes.deleteQdisc:
      return { kind: 'qdisc', qdisc: decodeQdisc(body) };
    case nsidTypes.new:
    case nsidTypes.delete:
      return { kind: 'nsid', id: decodeNsid(reply) };
    default:
      return undefined;
  }
}
