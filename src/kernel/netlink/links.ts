import type { IfName } from '../../model/names.ts';
import type { Mac } from '../../model/mac.ts';
import { TsnetError } from '../../model/errors.ts';
import { withNetnsDescriptor } from '../netns/handle.ts';
import type { NetlinkConnection } from './connection.ts';
import { decodeLink, type Link } from './link.ts';
import {
  changeLinkMessage,
  deleteGroupMessage,
  deleteLinkMessage,
  getLinkMessage,
  linkTypes,
  listLinksMessage,
  type BridgeChange,
  type BridgePortChange,
  type LinkReference,
} from './link-messages.ts';
import type { Reply } from './message.ts';

/** What to change about a link; what is absent stays as it is. */
export interface LinkChange {
  readonly up?: boolean;
  readonly mtu?: number;
  readonly mac?: Mac;
  /** At most 255 bytes; empty removes it. */
  readonly alias?: string;
  /** The bridge to join; null leaves the one it is in. */
  readonly master?: IfName | null;
  /** A new name. Kernels before 6.2 rename only links that are down. */
  readonly name?: IfName;
  readonly group?: number;
  /** Only for bridges. */
  readonly bridge?: BridgeChange;
  /** Path of the namespace to move to. Costs 20 ms; links are better made where they belong. */
  readonly netns?: string;
}

/**
 * The kernel answers a whole request before the first answer is read, about 3 KiB a link with its bookkeeping: so many
 * fit into the receive buffer of an unprivileged socket (208 KiB).
 */
export const mostLinksInRequest = 64;

/** Every link of the namespace. */
export async function listLinks(connection: NetlinkConnection): Promise<Link[]> {
  return linksOf(await connection.dump(listLinksMessage()));
}

/** The links in the answer to `listLinksMessage`. @throws kernel when it is malformed */
export function linksOf(replies: readonly Reply[]): Link[] {
  return replies.flatMap(linkOf);
}

/** Links by name or index, those that exist. */
export async function readLinks<Reference extends LinkReference>(
  connection: NetlinkConnection,
  references: readonly Reference[],
): Promise<Map<Reference, Link>> {
  const found = new Map<Reference, Link>();
  for (let start = 0; start < references.length; start += mostLinksInRequest) {
    const part = references.slice(start, start + mostLinksInRequest);
    const outcomes = connection.requestNow(part.map(getLinkMessage));
    for (const [index, { replies, error }] of outcomes.entries()) {
      if (error !== undefined && error.kind !== 'not-found') throw error;
      const reference = part[index];
      const [link] = replies.flatMap(linkOf);
      if (link !== undefined && reference !== undefined) found.set(reference, link);
      if (link?.kind === 'bridge') rememberBridge(connection, link);
    }
  }
  return found;
}

/** The index of a link. @throws not-found */
export async function indexOf(connection: NetlinkConnection, link: LinkReference): Promise<number> {
  if (typeof link === 'number') return link;
  const [replies] = await connection.run(getLinkMessage(link));
  const found = replies?.flatMap(linkOf)[0];
  if (found === undefined) throw new TsnetError('kernel', `read link ${link}: no answer`);
  return found.index;
}

/** Changes a link. @throws not-found for the link or its master, conflict for a taken name */
export async function setLink(
  connection: NetlinkConnection,
  link: LinkReference,
  { master, netns, ...change }: LinkChange,
): Promise<void> {
  const masterIndex = master === undefined ? undefined : await masterIndexOf(connection, master);
  const fields = { ...change, ...(masterIndex === undefined ? {} : { masterIndex }) };
  const reference = change.name === undefined ? link : await indexOf(connection, link);
  if (netns === undefined) {
    await connection.run(changeLinkMessage(reference, fields));
  } else {
    await withNetnsDescriptor(netns, (descriptor) =>
      connection.run(changeLinkMessage(reference, { ...fields, netns: descriptor })),
    );
  }
}

/** Changes how a port of a bridge works. @throws not-found, and kernel (EINVAL) when it is in no bridge */
export async function setBridgePort(
  connection: NetlinkConnection,
  link: LinkReference,
  port: BridgePortChange,
): Promise<void> {
  await connection.run(changeLinkMessage(link, { port }));
}

/** Deletes a link. Gives false when there was none of that name; alternative names do not count. */
export async function deleteLink(connection: NetlinkConnection, name: string): Promise<boolean> {
  const [found] = await readExactly(connection, [name]);
  if (found === undefined) return false;
  const [outcome] = await connection.request([deleteLinkMessage(found.index, name)]);
  if (outcome?.error === undefined) return true;
  if (outcome.error.kind === 'not-found') return false;
  throw outcome.error;
}

/**
 * Deletes links, those that exist. Several get a random group and the group is deleted: 44 ms for a hundred instead of
 * 18 ms each, as the kernel waits for its grace periods once.
 *
 * @throws unsupported when one is no virtual link; then none is deleted
 */
export async function deleteLinks(connection: NetlinkConnection, names: readonly string[]): Promise<void> {
  const links = await readExactly(connection, [...new Set(names)]);
  if (links.length <= 1) {
    for (const { name } of links) await deleteLink(connection, name);
    return;
  }
  const group = randomGroup();
  const doing = `delete ${links.length} links (${links[0]?.name}, …)`;
  const tagged = await connection.request(links.map(({ index }) => changeLinkMessage(index, { group })));
  const refused = tagged.find(({ error }) => error !== undefined && error.kind !== 'not-found')?.error;
  const [outcome] = refused === undefined ? await connection.request([deleteGroupMessage(group, doing)]) : [];
  const error = refused ?? outcome?.error;
  // All of them may have gone by themselves in between.
  if (error === undefined || error.kind === 'not-found') return;
  await connection.request(links.map((link) => changeLinkMessage(link.index, { group: link.group })));
  throw error;
}

/** Groups from here to 2³¹ are those that `randomGroup` gives. */
export const firstGroup = 2 ** 30;

/** A group that nobody uses: one of a billion. Group 0 is everybody's, small numbers are people's. */
export function randomGroup(): number {
  // No secret, and loading node:crypto takes longer than most commands have.
  return firstGroup + Math.floor(Math.random() * firstGroup);
}

/** The index of a master as the kernel wants it, 0 for none. */
export async function masterIndexOf(connection: NetlinkConnection, master: IfName | null): Promise<number> {
  return master === null ? 0 : await indexOf(connection, master);
}

const bridges = new WeakMap<NetlinkConnection, Map<string, number>>();

/** An index belongs to one link as long as the kernel runs, so one that is remembered is right, gone, or renamed. */
function rememberBridge(connection: NetlinkConnection, { name, index }: Link): void {
  const known = bridges.get(connection) ?? new Map<string, number>();
  bridges.set(connection, known.set(name, index));
}

/** The index that a bridge had when it was read last through this connection; perhaps it is not there any more. */
export function rememberedIndexOf(connection: NetlinkConnection, bridge: IfName): number | undefined {
  return bridges.get(connection)?.get(bridge);
}

/** The link in an answer, if it is one. */
export function linkOf({ type, body }: Reply): Link[] {
  return type === linkTypes.new ? [decodeLink(body)] : [];
}

/** Only links whose own name was asked for: the kernel also finds links by their alternative names. */
async function readExactly(connection: NetlinkConnection, names: readonly string[]): Promise<Link[]> {
  const found = await readLinks(connection, names);
  return [...found].flatMap(([name, link]) => (link.name === name ? [link] : []));
}
