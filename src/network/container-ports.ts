import { shareAddress } from '../ipam/index.ts';
import type { IpFamily, PortRequest } from '../model/index.ts';
import type { StateView } from '../state/index.ts';
import type { Context } from './context.ts';
import { everyAddressOf } from './ports.ts';

/**
 * The ports of a container that none of its other attachments publishes already. Some runtimes ask for all of them on each
 * network that a container is in, while a port of the host leads to one place.
 *
 * @param families those in which the container has addresses in the network
 */
export function withoutContainersOwn(
  context: Context,
  container: string,
  families: ReadonlySet<IpFamily>,
  requests: readonly PortRequest[],
): readonly PortRequest[] {
  if (requests.length === 0) return requests;
  return context.state.read((view) =>
    requests.filter((request) => !isPublished(view, container, families, request)),
  );
}

function isPublished(
  view: StateView,
  container: string,
  families: ReadonlySet<IpFamily>,
  { protocol, hostIp, hostPorts }: PortRequest,
): boolean {
  if (hostPorts === undefined || hostPorts.first !== hostPorts.last) return false;
  const wanted = hostIp ?? everyAddressOf(families);
  return view
    .portHolders(protocol, hostPorts.first)
    .filter((holder) => shareAddress(holder.hostIp, wanted))
    .some(({ network, endpoint }) => view.endpoint(network, endpoint)?.container?.id === container);
}
