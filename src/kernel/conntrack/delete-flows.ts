import type { Ip, IpFamily } from '../../model/ip.ts';
import { protocolNumbers, type Port, type Protocol } from '../../model/port.ts';
import { NetlinkConnection, netlinkProtocols } from '../netlink/connection.ts';
import { MessageWriter, nestedFlag } from '../netlink/message-writer.ts';
import type { Message } from '../netlink/message.ts';
import { flowAttributes, type Flow } from './flow.ts';
import { dumpFlows, flowHeader, flowTypes } from './list-flows.ts';

/** Which flows; what is absent does not restrict. */
export interface FlowFilter {
  readonly protocol: Protocol;
  readonly family?: IpFamily;
  /** The ports that the first packet was sent to, one of them: of published ports, the host's. */
  readonly originalDestinationPorts: readonly Port[];
  readonly originalDestination?: Ip;
  /** Where answers come from: of a published port, the container's address. */
  readonly replySource?: Ip;
}

/** Deletions in one datagram. */
const mostInRequest = 500;

/**
 * Makes the kernel forget tracked flows, so that their next packet is looked at afresh. A UDP flow lives as long as
 * packets come, with the translation it began with: after a published port moved to another container its clients
 * would go on reaching the old one.
 *
 * @param netns path of a namespace; absent means the process's own
 * @returns how many flows were forgotten
 * @throws unsupported when the kernel tracks no connections, denied
 */
export async function deleteFlows(filter: FlowFilter, netns?: string): Promise<number> {
  using connection = NetlinkConnection.open(netlinkProtocols.netfilter, netns);
  // The kernel walks its whole table for each list, however few flows there are: one for all ports and both families.
  const matching = (await dumpFlows(connection, filter.family)).filter((flow) => matches(flow, filter));
  let count = 0;
  for (let start = 0; start < matching.length; start += mostInRequest) {
    const messages = matching.slice(start, start + mostInRequest).map(deleteMessage);
    for (const { error } of await connection.request(messages)) {
      // It ended by itself in between.
      if (error === undefined) count += 1;
      else if (error.kind !== 'not-found') throw error;
    }
  }
  return count;
}

/** Whether a flow is one of those meant. */
export function matches(flow: Flow, filter: FlowFilter): boolean {
  const { family, originalDestination, replySource } = filter;
  return (
    flow.protocol === protocolNumbers[filter.protocol] &&
    filter.originalDestinationPorts.some((port) => port === flow.original.destinationPort) &&
    (family === undefined || flow.family === family) &&
    (originalDestination === undefined || flow.original.destination === originalDestination) &&
    (replySource === undefined || flow.reply.source === replySource)
  );
}

/** The id keeps a flow that began anew with the same tuple from being taken for the one that was seen. */
function deleteMessage({ family, identity }: Flow): Message {
  const writer = new MessageWriter(flowHeader(family))
    .bytes(flowAttributes.original | nestedFlag, identity.tuple)
    .bytes(flowAttributes.zone, identity.zone)
    .bytes(flowAttributes.id, identity.id);
  return { type: flowTypes.delete, body: writer.body, doing: 'delete a tracked flow' };
}
