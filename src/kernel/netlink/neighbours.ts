import { familyOf, type Ip, type IpFamily } from '../../model/ip.ts';
import type { Mac } from '../../model/mac.ts';
import { Attributes, malformed } from './attributes.ts';
import type { NetlinkConnection } from './connection.ts';
import { indexOf } from './links.ts';
import type { LinkReference } from './link-messages.ts';
import { MessageWriter } from './message-writer.ts';
import { messageFlags, type Message } from './message.ts';
import { addressFamilies } from './scope.ts';

/** What is known of a neighbour's hardware address. */
export interface Neighbour {
  readonly family: IpFamily;
  readonly linkIndex: number;
  readonly ip: Ip;
  /** Absent while or after it was asked for in vain. */
  readonly mac: Mac | undefined;
  readonly state: NeighbourState;
}

/** An entry of a bridge's forwarding database: behind which port an address is. */
export interface ForwardingEntry {
  /** The port, or the bridge itself. */
  readonly linkIndex: number;
  readonly bridgeIndex: number | undefined;
  readonly mac: Mac;
  /** Whether it stays until it is deleted; else it was learned and ages. */
  readonly isPermanent: boolean;
  readonly vlan: number | undefined;
  /** Seconds since a packet with this sender was last seen; absent where the kernel does not tell. */
  readonly ageSeconds?: number;
}

/** A neighbour to make known for good. */
export interface NewNeighbour {
  readonly link: LinkReference;
  readonly ip: Ip;
  readonly mac: Mac;
}

/** Source: `linux/neighbour.h`, NUD_*. */
export type NeighbourState =
  'none' | 'incomplete' | 'reachable' | 'stale' | 'delay' | 'probe' | 'failed' | 'noarp' | 'permanent';

const states = new Map<number, NeighbourState>([
  [0x01, 'incomplete'],
  [0x02, 'reachable'],
  [0x04, 'stale'],
  [0x08, 'delay'],
  [0x10, 'probe'],
  [0x20, 'failed'],
  [0x40, 'noarp'],
  [0x80, 'permanent'],
]);
const permanent = 0x80;

/** RTM_*. Source: rtnetlink(7). */
export const neighbourTypes = { new: 28, delete: 29, get: 30 } as const;

/** NDA_*. Source: `linux/neighbour.h`. */
const attribute = { destination: 1, linkAddress: 2, cacheInfo: 3, vlan: 5, master: 9 } as const;

/** Bytes of struct nda_cacheinfo, of which the third number is the time since the last change. Source: as above. */
const cacheInfoLength = 16;
/** USER_HZ, in which the kernel tells times of neighbours. Source: time(7). */
const clockTicksPerSecond = 100;

/** AF_BRIDGE: the entry is of a forwarding database. Source: `linux/socket.h`. */
const bridgeFamily = 7;

/** Bytes of struct ndmsg. Source: rtnetlink(7). */
const headerLength = 12;

/** Known neighbours of both families. */
export async function listNeighbours(connection: NetlinkConnection): Promise<Neighbour[]> {
  const found: Neighbour[] = [];
  for (const family of [4, 6] as const) {
    const replies = await connection.dump(listNeighboursMessage(family));
    const neighbours = replies.flatMap((reply) => decodeNeighbour(reply.body) ?? []);
    found.push(...neighbours.filter((neighbour) => neighbour.family === family));
  }
  return found;
}

/** A message that asks for all neighbours of a family, for a dump. */
export function listNeighboursMessage(family: IpFamily): Message {
  const body = header(addressFamilies[family], 0, 0);
  return { type: neighbourTypes.get, body, doing: 'list neighbours' };
}

/** The forwarding database of a bridge, or of all bridges and tunnels. @throws not-found for an unknown bridge */
export async function listForwardingDatabase(
  connection: NetlinkConnection,
  bridge?: LinkReference,
): Promise<ForwardingEntry[]> {
  const index = bridge === undefined ? undefined : await indexOf(connection, bridge);
  const writer = new MessageWriter(header(bridgeFamily, 0, 0)).u32(attribute.master, index);
  const doing = `list the forwarding database${bridge === undefined ? '' : ` of ${bridge}`}`;
  const replies = await connection.dump({ type: neighbourTypes.get, body: writer.body, doing });
  const entries = replies.flatMap(({ body }) => decodeForwardingEntry(body) ?? []);
  if (index === undefined) return entries;
  // The kernel's filter lets entries of other bridges through.
  return entries.filter(({ linkIndex, bridgeIndex }) => bridgeIndex === index || linkIndex === index);
}

/** Makes a neighbour known for good. @throws conflict when something is known of it already */
export async function addNeighbour(
  connection: NetlinkConnection,
  { link, ip, mac }: NewNeighbour,
): Promise<void> {
  const index = await indexOf(connection, link);
  const writer = new MessageWriter(header(addressFamilies[familyOf(ip)], index, permanent))
    .ip(attribute.destination, ip)
    .mac(attribute.linkAddress, mac);
  const flags = messageFlags.create | messageFlags.exclusive;
  const doing = `add neighbour ${ip} on ${link}`;
  await connection.run({ type: neighbourTypes.new, flags, body: writer.body, doing });
}

/** Forgets a neighbour. Gives false when nothing was known of it. @throws not-found for an unknown link */
export async function deleteNeighbour(
  connection: NetlinkConnection,
  { link, ip }: Pick<NewNeighbour, 'link' | 'ip'>,
): Promise<boolean> {
  const index = await indexOf(connection, link);
  const writer = new MessageWriter(header(addressFamilies[familyOf(ip)], index, 0)).ip(
    attribute.destination,
    ip,
  );
  const doing = `delete neighbour ${ip} on ${link}`;
  const [outcome] = await connection.request([{ type: neighbourTypes.delete, body: writer.body, doing }]);
  if (outcome?.error === undefined) return true;
  if (outcome.error.kind === 'not-found') return false;
  throw outcome.error;
}

/** Reads the body of RTM_NEWNEIGH; undefined when it is of another family. @throws kernel when malformed */
export function decodeNeighbour(body: Buffer): Neighbour | undefined {
  const attributes = attributesOf(body);
  const ip = attributes.ip(attribute.destination);
  const family = body[0] === addressFamilies[4] ? 4 : 6;
  if (ip === undefined || body[0] !== addressFamilies[family]) return undefined;
  return {
    family,
    linkIndex: body.readInt32LE(4),
    ip,
    mac: attributes.mac(attribute.linkAddress),
    state: states.get(body.readUInt16LE(8)) ?? 'none',
  };
}

/** Reads the body of RTM_NEWNEIGH; undefined when it is of no bridge. @throws kernel when malformed */
export function decodeForwardingEntry(body: Buffer): ForwardingEntry | undefined {
  const attributes = attributesOf(body);
  const mac = attributes.mac(attribute.linkAddress);
  if (body[0] !== bridgeFamily || mac === undefined) return undefined;
  return {
    linkIndex: body.readInt32LE(4),
    bridgeIndex: attributes.u32(attribute.master),
    mac,
    isPermanent: (body.readUInt16LE(8) & permanent) !== 0,
    vlan: attributes.u16(attribute.vlan),
    ...ageOf(attributes.bytes(attribute.cacheInfo)),
  };
}

function ageOf(cacheInfo: Buffer | undefined): { ageSeconds?: number } {
  if (cacheInfo === undefined || cacheInfo.length < cacheInfoLength) return {};
  return { ageSeconds: cacheInfo.readUInt32LE(8) / clockTicksPerSecond };
}

function attributesOf(body: Buffer): Attributes {
  if (body.length < headerLength) throw malformed('a neighbour is too short');
  return new Attributes(body, headerLength);
}

function header(family: number, index: number, state: number): Buffer {
  const bytes = Buffer.alloc(headerLength);
  bytes.writeUInt8(family, 0);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt16LE(state, 8);
  return bytes;
}
