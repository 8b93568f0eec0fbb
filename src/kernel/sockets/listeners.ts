import { protocolNumbers, type Port, type PortRange } from '../../model/port.ts';
import type { Answers, Question } from '../netlink/ask-namespaces.ts';
import { NetlinkConnection, netlinkProtocols } from '../netlink/connection.ts';
import { MessageWriter } from '../netlink/message-writer.ts';
import type { Message } from '../netlink/message.ts';
import { addressFamilies } from '../netlink/scope.ts';
import { decodeListener, type Listener } from './listener.ts';
import { portFilter } from './port-filter.ts';

/** Which sockets to list. */
export interface ListenerFilter {
  readonly protocol: 'tcp' | 'udp';
  /** Absent: every port. */
  readonly ports?: PortRange;
  /** Path of a namespace; absent means the process's own. */
  readonly netns?: string;
}

/** SOCK_DIAG_BY_FAMILY. Source: sock_diag(7). */
const byFamily = 20;
/** INET_DIAG_REQ_BYTECODE. Source: `linux/inet_diag.h`. */
const bytecodeAttribute = 1;
/** Bytes of struct inet_diag_req_v2. Source: sock_diag(7). */
const headerLength = 56;

/** Bits of TCP states; a UDP socket that is bound and not connected is in TCP_CLOSE. Source: `net/tcp_states.h`. */
const states = { tcp: 1 << 10, udp: 1 << 7 } as const;

/**
 * The sockets that listen, of both families; the kernel itself looks for the ports, so asking for one is cheap. Keeps
 * the event loop: the kernel waits for nobody here, and a thread would cost more than the question.
 *
 * @throws not-found for the namespace, unsupported when the kernel lacks inet_diag (module `tcp_diag`, `udp_diag`)
 */
export async function listListeners({ protocol, ports, netns }: ListenerFilter): Promise<Listener[]> {
  if (netns === undefined) {
    ownNamespace ??= NetlinkConnection.openBlocking(netlinkProtocols.sockDiag);
    return await list(ownNamespace, protocol, ports);
  }
  using connection = NetlinkConnection.openBlocking(netlinkProtocols.sockDiag, netns);
  return await list(connection, protocol, ports);
}

/** Kept, as opening it costs as much as a question. */
let ownNamespace: NetlinkConnection | undefined;

/**
 * The sockets that listen, of both protocols and families; keeps the event loop.
 *
 * @param answers what the namespace has said already
 * @throws as `listListeners`
 */
export async function listAllListeners(netns?: string, answers?: Answers): Promise<Listener[]> {
  using connection = NetlinkConnection.openBlocking(netlinkProtocols.sockDiag, netns, answers);
  return [...(await list(connection, 'tcp')), ...(await list(connection, 'udp'))];
}

async function list(
  connection: NetlinkConnection,
  protocol: 'tcp' | 'udp',
  ports?: PortRange,
): Promise<Listener[]> {
  const lists = await Promise.all(
    [addressFamilies[4], addressFamilies[6]].map(async (family) => {
      const replies = await connection.dump(listMessage(protocol, family, ports));
      return replies.filter(({ body }) => body[0] === family);
    }),
  );
  return lists.flat().map(({ body }) => decodeListener(protocol, body));
}

/** What `listAllListeners` asks, for `askNamespaces`. */
export function listenerQuestions(): Question[] {
  return (['tcp', 'udp'] as const).flatMap((protocol) =>
    [addressFamilies[4], addressFamilies[6]].map((family) => ({
      protocol: netlinkProtocols.sockDiag,
      message: listMessage(protocol, family, undefined),
    })),
  );
}

/** The ports of a range that some socket listens on, at whatever address. @throws as `listListeners` */
export async function usedPorts(
  protocol: 'tcp' | 'udp',
  ports: PortRange,
  netns?: string,
): Promise<Set<Port>> {
  const listeners = await listListeners({ protocol, ports, ...(netns === undefined ? {} : { netns }) });
  return new Set(listeners.map(({ port }) => port));
}

/** struct inet_diag_req_v2 with the filter. Source: sock_diag(7). */
function listMessage(protocol: 'tcp' | 'udp', family: number, ports: PortRange | undefined): Message {
  const header = Buffer.alloc(headerLength);
  header.writeUInt8(family, 0);
  header.writeUInt8(protocolNumbers[protocol], 1);
  header.writeUInt32LE(states[protocol], 4);
  const filter = ports === undefined ? undefined : portFilter(ports);
  const writer = new MessageWriter(header).bytes(bytecodeAttribute, filter);
  return { type: byFamily, body: writer.body, doing: `list listening ${protocol} sockets` };
}
