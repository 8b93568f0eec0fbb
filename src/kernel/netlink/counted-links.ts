import { Attributes, malformed } from './attributes.ts';
import type { NetlinkConnection } from './connection.ts';
import { linkHeader, linkTypes } from './link-messages.ts';
import { decodeLink, linkHeaderLength, type Link } from './link.ts';
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
/** Offsets in struct rtnl_link_stats64, whose first eight fields are as old as itself. Source: `linux/if_link.h`. */
const offsets = {
  receivedPackets: 0,
  sentPackets: 8,
  receivedBytes: 16,
  sentBytes: 24,
  receiveErrors: 32,
  sendErrors: 40,
  receiveDropped: 48,
  sendDropped: 56,
} as const;
const statisticsLength = 64;

/** Every link of the namespace, with counters: twice the bytes of `listLinks`. */
export async function listCountedLinks(
  connection: NetlinkConnection,
  { settings = false }: { readonly settings?: boolean } = {},
): Promise<CountedLink[]> {
  const replies = await connection.dump({ type: linkTypes.get, body: linkHeader(), doing: 'list links' });
  return replies.flatMap(({ type, body }) => {
    if (type !== linkTypes.new) return [];
    const link = decodeLink(body);
    return [
      { link, counters: decodeCounters(body), settings: settings ? decodeLinkSettings(body) : undefined },
    ];
  });
}

/** Reads the counters in the body of RTM_NEWLINK; undefined where it has none. @throws kernel when malformed */
export function decodeCounters(body: Buffer): LinkCounters | undefined {
  if (body.length < linkHeaderLength) throw malformed('a link is too short');
  const bytes = new Attributes(body, linkHeaderLength).bytes(statisticsAttribute);
  if (bytes === undefined || bytes.length < statisticsLength) return undefined;
  const read = (at: number): number => bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
  return {
    receivedBytes: read(offsets.receivedBytes),
    sentBytes: read(offsets.sentBytes),
    receivedPackets: read(offsets.receivedPackets),
    sentPackets: read(offsets.sentPackets),
    dropped: read(offsets.receiveDropped) + read(offsets.sendDropped),
    errors: read(offsets.receiveErrors) + read(offsets.sendErrors),
  };
}
