import { withNetnsDescriptor } from '../netns/handle.ts';
import { Attributes } from './attributes.ts';
import type { NetlinkConnection } from './connection.ts';
import { MessageWriter } from './message-writer.ts';
import type { Message, Reply } from './message.ts';

/** RTM_*. Source: rtnetlink(7), ip-netns(8). */
export const nsidTypes = { new: 88, delete: 89, get: 90 } as const;

/** NETNSA_*. Source: `linux/net_namespace.h`. */
const attribute = { nsid: 1, descriptor: 3 } as const;
/** NETNSA_NSID_NOT_ASSIGNED; asked for, it lets the kernel choose. */
const notAssigned = -1;
/** struct rtgenmsg, padded. */
const headerLength = 4;

/** The id by which this namespace knows another; undefined when it has none. @throws not-found for the path */
export async function nsidOf(connection: NetlinkConnection, path: string): Promise<number | undefined> {
  return await withNetnsDescriptor(path, async (descriptor) => {
    const writer = new MessageWriter(Buffer.alloc(headerLength)).u32(attribute.descriptor, descriptor);
    const doing = `read the id of namespace ${path}`;
    const [replies] = await connection.run({ type: nsidTypes.get, body: writer.body, doing });
    const nsid = replies?.map(decodeNsid)[0];
    return nsid === notAssigned ? undefined : nsid;
  });
}

/** Each answer takes a page of the socket's buffer, however small it is; so many surely fit. */
const mostInRequest = 64;

/**
 * The ids by which this namespace knows others, undefined for those that have none here. A question costs as much as
 * there are ids here.
 *
 * @param descriptors of open namespaces
 */
export async function nsidsOf(
  connection: NetlinkConnection,
  descriptors: readonly number[],
): Promise<(number | undefined)[]> {
  const found: (number | undefined)[] = [];
  for (let start = 0; start < descriptors.length; start += mostInRequest) {
    const messages = descriptors.slice(start, start + mostInRequest).map(nsidMessage);
    for (const { replies, error } of await connection.request(messages)) {
      if (error !== undefined) throw error;
      const nsid = replies.map(decodeNsid)[0];
      found.push(nsid === notAssigned ? undefined : nsid);
    }
  }
  return found;
}

/** A message that asks for the id of an open namespace. */
export function nsidMessage(descriptor: number): Message {
  const { body } = new MessageWriter(Buffer.alloc(headerLength)).u32(attribute.descriptor, descriptor);
  return { type: nsidTypes.get, body, doing: 'read the id of a namespace' };
}

/** Gives another namespace an id in this one, unless it has one, and tells it. @throws not-found for the path */
export async function assignNsid(connection: NetlinkConnection, path: string): Promise<number> {
  const outcome = await withNetnsDescriptor(path, async (descriptor) => {
    const writer = new MessageWriter(Buffer.alloc(headerLength))
      .u32(attribute.descriptor, descriptor)
      .s32(attribute.nsid, notAssigned);
    const doing = `give an id to namespace ${path}`;
    return (await connection.request([{ type: nsidTypes.new, body: writer.body, doing }]))[0];
  });
  if (outcome?.error !== undefined && outcome.error.errno !== 'EEXIST') throw outcome.error;
  return (await nsidOf(connection, path)) ?? notAssigned;
}

/**
 * The ids of all namespaces that have one in this one, in ascending order. The kernel's list ends after its first page
 * (seen on Linux 6.18: 134 of 1,000), so it is continued by asking for one id after the other; the kernel gives them
 * out from the lowest, and a row of 64 that nobody has counts as the end.
 */
export async function listNsids(connection: NetlinkConnection): Promise<number[]> {
  const body = Buffer.alloc(headerLength);
  const replies = await connection.dump({ type: nsidTypes.get, body, doing: 'list ids of namespaces' });
  const found = new Set(replies.map(decodeNsid));
  if (found.size === 0) return [];
  for (let first = Math.max(...found) + 1, hits = 1; hits > 0; first += mostInRequest) {
    const row = Array.from({ length: mostInRequest }, (_, index) => first + index);
    const outcomes = await connection.request(row.map(getNsidMessage));
    const present = row.filter((_, index) => outcomes[index]?.error === undefined);
    for (const nsid of present) found.add(nsid);
    hits = present.length;
  }
  return [...found].sort((one, other) => one - other);
}

function getNsidMessage(nsid: number): Message {
  const { body } = new MessageWriter(Buffer.alloc(headerLength)).s32(attribute.nsid, nsid);
  return { type: nsidTypes.get, body, doing: `look for the namespace with id ${nsid}` };
}

/** Reads a message about an id: −1 for none. @throws kernel when malformed */
export function decodeNsid({ body }: Reply): number {
  return new Attributes(body, headerLength).s32(attribute.nsid) ?? notAssigned;
}
