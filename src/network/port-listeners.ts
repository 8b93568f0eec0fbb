import { defaultDynamicPorts } from '../ipam/index.ts';
import { findSocketOwners } from '../kernel/proc/index.ts';
import { listListeners, type Listener } from '../kernel/sockets/index.ts';
import { printable, type PortRange, type PortRequest, type Protocol } from '../model/index.ts';
import type { Context } from './context.ts';

/** A listener, and who it is where that was looked for. */
export interface NamedListener extends Listener {
  readonly owner?: string;
}

/**
 * The listeners with the names of their processes; undefined when none of them is on a port that was asked for. Looks
 * at every process, so it is worth its time only when the answer is an error.
 *
 * @param keepers names of processes that are left out, because they only keep ports for containers
 */
export async function nameListeners(
  listeners: readonly Listener[],
  requests: readonly PortRequest[],
  keepers: ReadonlySet<string>,
): Promise<readonly NamedListener[] | undefined> {
  const inTheWay = listeners.filter(({ protocol, port }) =>
    requests.some(
      ({ protocol: wanted, hostPorts }) =>
        wanted === protocol && hostPorts !== undefined && hostPorts.first <= port && port <= hostPorts.last,
    ),
  );
  if (inTheWay.length === 0) return undefined;
  const owners = await findSocketOwners(inTheWay.map(({ inode }) => inode));
  return listeners.flatMap((listener) => {
    const found = owners.get(listener.inode);
    if (found === undefined) return listener;
    if (keepers.has(found.command)) return [];
    // A process chooses its name itself: it must not steer a terminal.
    const name = printable(found.command) || 'without a name';
    return { ...listener, owner: `process ${name} (pid ${found.pid})` };
  });
}

/** Who listens on the host, for the ports that may be chosen: one question to the kernel a protocol. */
export async function readListeners(
  { kernel }: Context,
  requests: readonly PortRequest[],
): Promise<Listener[]> {
  const ranges = new Map<Protocol, PortRange>();
  for (const { protocol, hostPorts = defaultDynamicPorts } of requests) {
    const known = ranges.get(protocol) ?? hostPorts;
    ranges.set(protocol, {
      first: known.first < hostPorts.first ? known.first : hostPorts.first,
      last: known.last > hostPorts.last ? known.last : hostPorts.last,
    });
  }
  const answers = [...ranges].flatMap(([protocol, ports]) =>
    // The kernel tells nothing about SCTP listeners here.
    protocol === 'sctp' ? [] : [listListeners({ protocol, ports, ...netnsOf(kernel) })],
  );
  return (await Promise.all(answers)).flat();
}

function netnsOf({ netns }: Context['kernel']): { netns?: string } {
  return netns === undefined ? {} : { netns };
}
