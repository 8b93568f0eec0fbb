import type { Attributes } from './attributes.ts';
import type { NetlinkConnection } from './connection.ts';
import { linkHeader, linkTypes } from './link-messages.ts';
import { attributesOfLink, decodeLink, type Link } from './link.ts';
import type { Message, Reply } from './message.ts';
import { decodeLinkSettings, type LinkSettings } from './link-settings.ts';

/** What passed a link since it was made, seen from its namespace. */
export interface LinkCounters {
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly receivedPackets: number;
  readonly sentPackets: number;
  /** In either direction. */
  readonly dropped: number;
  /** In either direction. */
  readonly errors: number;
}

/** A link, what passed it, and how it is set where that was asked for. */
export interface CountedLink {
  readonly link: Link;
  readonly counters: LinkCounters | undefined;
  readonly settings: LinkSettings | undefined;
}

/** IFLA_STATS64. Source: `linux/if_link.h`. */
const statisticsAttribute = 23;
/**
 * The first fields of struct rtnl_link_stats64, as old as itself: packets, bytes, errors and dropped ones, of each those
 * received and those sent. Source: `linux/if_link.h`.
 */
const counted = 8;

/** Every link of the namespace, with counters: twice the bytes of `listLinks`. */
export async function listCountedLinks(
  connection: NetlinkConnection,
  { settings = false }: { readonly settings?: boolean } = {},
): Promise<CountedLink[]> {
  return countedLinksOf(await connection.dump(listCountedLinksMessage()), settings);
}

/** The links in the answer to `listCountedLinksMessage`. @throws kernel when it is malformed */
export function countedLinksOf(replies: readonly Reply[], settings: boolean): CountedLink[] {
  return replies.flatMap(({ type, body }) => {
    if (type !== linkTypes.new) return [];
    const attributes = attributesOfLink(body);
    return [
      {
        link: decodeLink(body, attributes),
        counters: decodeCounters(attributes),
        settings: settings ? decodeLinkSettings(attributes) : undefined,
      },
    ];
  });
}

/** A message that asks for all links and what passed them, for a dump. */
export function listCountedLinksMessage(): Message {
  return { type: linkTypes.get, body: linkHeader(), doing: 'list links' };
}

/** Reads the counters among the attributes of a link; undefined where it has none. */
export function decodeCounters(attributes: Attributes): LinkCounters | undefined {
  const numbers = attributes.u64s(statisticsAttribute, counted);
  if (numbers === undefined) return undefined;
  // By position and not by name: thousands of links are read before any compiler helps.
  const at = (position: number): number => numbers[position] as number;
  return {
    receivedBytes: at(2),
    sentBytes: at(3),
    receivedPackets: at(0),
    sentPackets: at(1),
    dropped: at(6) + at(7),
    errors: at(4) + at(5),
  };
}
