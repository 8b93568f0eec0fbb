import type { IpFamily } from '../../model/ip.ts';
import { NetlinkConnection, netlinkProtocols } from '../netlink/connection.ts';
import { addressFamilies } from '../netlink/scope.ts';
import { decodeFlow, netfilterHeaderLength, type Flow } from './flow.ts';

/** IPCTNL_MSG_CT_* of the subsystem NFNL_SUBSYS_CTNETLINK. Source: `linux/netfilter/nfnetlink*.h`. */
const subsystem = 1 << 8;
export const flowTypes = { new: subsystem | 0, get: subsystem | 1, delete: subsystem | 2 } as const;

/**
 * Every tracked flow, of one family or both.
 *
 * @param netns path of a namespace; absent means the process's own
 * @throws unsupported when the kernel tracks no connections, denied
 */
export async function listFlows(netns?: string, family?: IpFamily): Promise<Flow[]> {
  using connection = NetlinkConnection.open(netlinkProtocols.netfilter, netns);
  return await dumpFlows(connection, family);
}

/** As `listFlows`, over a connection that is open. */
export async function dumpFlows(connection: NetlinkConnection, family?: IpFamily): Promise<Flow[]> {
  const body = flowHeader(family);
  const replies = await connection.dump({ type: flowTypes.get, body, doing: 'list tracked flows' });
  return replies.flatMap((reply) => decodeFlow(reply.body) ?? []);
}

/** struct nfgenmsg: family, version 0, resource 0. Source: `linux/netfilter/nfnetlink.h`. */
export function flowHeader(family?: IpFamily): Buffer {
  const bytes = Buffer.alloc(netfilterHeaderLength);
  bytes.writeUInt8(family === undefined ? 0 : addressFamilies[family], 0);
  return bytes;
}
