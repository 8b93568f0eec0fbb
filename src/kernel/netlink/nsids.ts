import { withNetnsDescriptor } from '../netns/handle.ts';
import { Attributes } from './attributes.ts';
import type { NetlinkConnection } from './connection.ts';
import { MessageWriter } from './message-writer.ts';
import type { Reply } from './message.ts';

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

/** The ids of all namespaces that have one in this one. */
export async function listNsids(connection: NetlinkConnection): Promise<number[]> {
  const body = Buffer.alloc(headerLength);
  const replies = await connection.dump({ type: nsidTypes.get, body, doing: 'list ids of namespaces' });
  return replies.map(decodeNsid);
}

/** Reads a message about an id: −1 for none. @throws kernel when malformed */
export function decodeNsid({ body }: Reply): number {
  return new Attributes(body, headerLength).s32(attribute.nsid) ?? notAssigned;
}
