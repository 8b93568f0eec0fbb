import { TsnetError } from '../../model/errors.ts';
import { Attributes, malformed } from './attributes.ts';
import type { NetlinkConnection } from './connection.ts';
import { indexOf } from './links.ts';
import type { LinkReference } from './link-messages.ts';
import { MessageWriter } from './message-writer.ts';
import { messageFlags, type Message, type Reply } from './message.ts';
import {
  decodeTcHeader,
  echoFlag,
  encodeTcHeader,
  needing,
  tcAttributes,
  tcHeaderLength,
  tcParents,
  tcTypes,
} from './tc-message.ts';
import { decodeTokenBucket, writeTokenBucket, type TokenBucket } from './token-bucket.ts';

/** A queueing discipline: how a link queues, delays and drops what passes it. */
export interface Qdisc {
  readonly linkIndex: number;
  /** Such as `tbf`, `htb`, `clsact`, `ingress` or `noqueue`. */
  readonly kind: string;
  /** Its number, the upper 16 bits of which tc(8) shows as `8001:`; 0 for one that the kernel chose. */
  readonly handle: number;
  /** The root of the link, its hooks, or the class of another qdisc. */
  readonly parent: 'root' | 'clsact' | number;
  /** Present for `tbf`. */
  readonly tokenBucket: TokenBucket | undefined;
}

/** Ours among the handles that people may choose, below the `8000:` from which the kernel gives them out. */
const handles: readonly number[] = [0x7f010000, 0x7f020000];

/** Each answer takes a page of the socket's buffer. */
const mostInRequest = 64;

/** Every qdisc of the namespace that is more than the absence of a queue. */
export async function listQdiscs(connection: NetlinkConnection): Promise<Qdisc[]> {
  const body = encodeTcHeader({ linkIndex: 0 });
  const replies = await connection.dump({ type: tcTypes.getQdisc, body, doing: 'list qdiscs' });
  return replies.flatMap(qdiscOf).filter(({ handle }) => handle !== 0);
}

/** The qdiscs at the root of links, by the link's index; links that are gone are left out. */
export async function readRootQdiscs(
  connection: NetlinkConnection,
  linkIndexes: readonly number[],
): Promise<Map<number, Qdisc>> {
  const found = new Map<number, Qdisc>();
  for (let start = 0; start < linkIndexes.length; start += mostInRequest) {
    const part = linkIndexes.slice(start, start + mostInRequest);
    for (const { replies, error } of await connection.request(part.map(getRootMessage))) {
      if (error !== undefined && error.kind !== 'not-found') throw error;
      for (const qdisc of replies.flatMap(qdiscOf)) found.set(qdisc.linkIndex, qdisc);
    }
  }
  return found;
}

/**
 * Makes a link send through a new token bucket, in place of whatever its root qdisc was; what waited there is dropped. One
 * that is there is not changed, because a packet that waits and is larger than a new burst would block the link for ever
 * (seen on Linux 6.18). With another handle the kernel puts a new one in its place, in one step. Source: Linux
 * `tc_modify_qdisc()`.
 *
 * @throws not-found for the link, unsupported where the kernel has no tbf
 */
export async function setTokenBucket(
  connection: NetlinkConnection,
  link: LinkReference,
  bucket: TokenBucket,
): Promise<void> {
  const linkIndex = await indexOf(connection, link);
  const before = (await readRootQdiscs(connection, [linkIndex])).get(linkIndex);
  const handle = handles.find((candidate) => candidate !== before?.handle) ?? 0;
  const header = encodeTcHeader({ linkIndex, parent: tcParents.root, handle });
  const writer = new MessageWriter(header)
    .string(tcAttributes.kind, 'tbf')
    .nested(tcAttributes.options, (options) => writeTokenBucket(options, bucket));
  const flags = messageFlags.create | messageFlags.replace;
  const doing = `limit what ${link} sends`;
  const message = { type: tcTypes.newQdisc, flags, body: writer.body, doing };
  await needing('the qdisc tbf (CONFIG_NET_SCH_TBF)', connection.run(message));
}

/** Takes the token bucket at the root of a link away. Gives false when there was none; others stay. */
export async function deleteTokenBucket(
  connection: NetlinkConnection,
  link: LinkReference,
): Promise<boolean> {
  const linkIndex = await indexOf(connection, link);
  const root = (await readRootQdiscs(connection, [linkIndex])).get(linkIndex);
  if (root?.kind !== 'tbf') return false;
  await connection.run(
    deleteMessage(linkIndex, tcParents.root, 'tbf', `lift the limit of what ${link} sends`),
  );
  return true;
}

/**
 * Gives a link the hooks for filters, unless it has them: `clsact`, or `ingress` as others make it.
 *
 * @throws unsupported where the kernel has none
 */
export async function ensureHooks(connection: NetlinkConnection, linkIndex: number): Promise<void> {
  const header = encodeTcHeader({ linkIndex, parent: tcParents.clsact, handle: 0xffff0000 });
  const writer = new MessageWriter(header).string(tcAttributes.kind, 'clsact');
  const flags = messageFlags.create | messageFlags.exclusive;
  const doing = `give hooks for filters to link ${linkIndex}`;
  const message = { type: tcTypes.newQdisc, flags, body: writer.body, doing };
  await needing(
    'the qdisc clsact (CONFIG_NET_SCH_INGRESS)',
    connection.run(message).catch((error: unknown) => {
      if (!(error instanceof TsnetError) || error.errno !== 'EEXIST') throw error;
    }),
  );
}

/** Takes the hooks that `ensureHooks` makes away, with all filters on them; those that others made stay. */
export async function deleteHooks(connection: NetlinkConnection, linkIndex: number): Promise<void> {
  const message = deleteMessage(linkIndex, tcParents.clsact, 'clsact', `take hooks from link ${linkIndex}`);
  const [outcome] = await connection.request([message]);
  const error = outcome?.error;
  // EINVAL: it is an `ingress` of others.
  if (error !== undefined && error.kind !== 'not-found' && error.errno !== 'EINVAL') throw error;
}

function getRootMessage(linkIndex: number): Message {
  const body = encodeTcHeader({ linkIndex, parent: tcParents.root });
  return { type: tcTypes.getQdisc, flags: echoFlag, body, doing: `read the root qdisc of link ${linkIndex}` };
}

function deleteMessage(linkIndex: number, parent: number, kind: string, doing: string): Message {
  const writer = new MessageWriter(encodeTcHeader({ linkIndex, parent })).string(tcAttributes.kind, kind);
  return { type: tcTypes.deleteQdisc, body: writer.body, doing };
}

function qdiscOf({ type, body }: Reply): Qdisc[] {
  return type === tcTypes.newQdisc ? [decodeQdisc(body)] : [];
}

/** Reads the body of RTM_NEWQDISC or RTM_DELQDISC. @throws kernel when it is malformed */
export function decodeQdisc(body: Buffer): Qdisc {
  if (body.length < tcHeaderLength) throw malformed('a qdisc is too short');
  const { linkIndex, handle, parent } = decodeTcHeader(body);
  const attributes = new Attributes(body, tcHeaderLength);
  const kind = attributes.string(tcAttributes.kind) ?? '';
  const options = kind === 'tbf' ? attributes.nested(tcAttributes.options) : undefined;
  return {
    linkIndex,
    kind,
    handle,
    parent: parent === tcParents.root ? 'root' : parent === tcParents.clsact ? 'clsact' : parent,
    tokenBucket: options === undefined ? undefined : decodeTokenBucket(options),
  };
}
