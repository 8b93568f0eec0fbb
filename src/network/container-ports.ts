import { shareAddress } from '../ipam/index.ts';
import {
  familyOf,
  type ContainerRef,
  type Endpoint,
  type IfName,
  type Ip,
  type PortBinding,
  type PortRequest,
} from '../model/index.ts';
import { isSameNamespace } from '../observe/index.ts';
import { familiesOf } from '../plan/index.ts';
import type { StateTransaction, StateView } from '../state/index.ts';
import { commit, withdraw } from './commit.ts';
import type { Context } from './context.ts';
import { requireEndpoint, type Attachment } from './endpoints.ts';
import type { NamedListener } from './port-listeners.ts';
import { claimPorts, everyAddressOf, forgetFlows } from './ports.ts';

// Some runtimes ask for all ports of a container on each of its networks, while a port of the host leads to one place.
// The first of the networks publishes them, since answers leave by it; with the others they wait until it ends.

/**
 * Records the ports of an endpoint but those that another attachment of its container publishes: these wait.
 *
 * @throws as `claimPorts`
 */
export function claimSharedPorts(
  tx: StateTransaction,
  { network, endpoint }: Attachment,
  requests: readonly PortRequest[],
  listeners: readonly NamedListener[],
): Endpoint {
  const { waitingPorts: _, ...rest } = endpoint;
  const families = familiesOf(endpoint);
  const held = new Set(requests.filter((request) => publishersOf(tx, endpoint, request).length > 0));
  const waiting = [...held].filter(({ hostIp }) => hostIp === undefined || families.has(familyOf(hostIp)));
  const wanted: Endpoint = { ...rest, ...(waiting.length === 0 ? {} : { waitingPorts: waiting }) };
  const free = requests.filter((request) => !held.has(request));
  return claimPorts(tx, { network, endpoint: wanted }, free, listeners);
}

/** What is about to publish ports. */
interface Newcomer {
  readonly container: ContainerRef;
  readonly interfaceName: IfName;
  readonly ports: readonly PortRequest[];
  readonly sharesPorts?: true;
}

/** Runs an operation that makes an attachment publish ports, which may be shared with others of its container. */
export async function sharingPorts(
  context: Context,
  newcomer: Newcomer,
  operation: () => Promise<Attachment>,
): Promise<Attachment> {
  const { sharesPorts = false, ports, container } = newcomer;
  if (!sharesPorts || ports.length === 0) return operation();
  const followers = await takePortsBack(context, newcomer);
  const attachment = await operation().catch(async (error: unknown) => {
    if (followers.length > 0) await handOverPorts(context, container);
    throw error;
  });
  await awaitPorts(context, [attachment.endpoint, ...followers]);
  return attachment;
}

/**
 * Lets ports that an attachment is about to publish wait with those that follow it among its container's networks.
 *
 * @returns these, as they are now
 */
async function takePortsBack(context: Context, newcomer: Newcomer): Promise<readonly Endpoint[]> {
  const { interfaceName, ports: requests } = newcomer;
  const isWanted = ({ protocol, hostPort }: PortBinding) =>
    requests.some((one) => one.protocol === protocol && one.hostPorts?.first === hostPort);
  const followers = context.state
    .read((view) => requests.flatMap((request) => publishersOf(view, newcomer, request)))
    .filter(({ containerLink }) => numberOf(containerLink) > numberOf(interfaceName));
  const changed: Endpoint[] = [];
  for (const { network, id } of new Map(followers.map((one) => [one.id, one])).values()) {
    const follower = await withdraw(context, { network, endpoints: [id] }, (tx) => {
      if (tx.endpoint(network, id) === undefined) return undefined;
      const attachment = requireEndpoint(tx, network, id);
      const { ports, waitingPorts = [] } = attachment.endpoint;
      const waiting = [...waitingPorts, ...ports.filter(isWanted).map(requestOf)];
      const kept = ports.filter((binding) => !isWanted(binding)).map(requestOf);
      const endpoint = { ...attachment.endpoint, waitingPorts: waiting };
      return claimPorts(tx, { ...attachment, endpoint }, kept, []);
    });
    if (follower !== undefined) changed.push(follower);
  }
  return changed;
}

/**
 * Tells those who publish what waits with the attachments of a container that it does, so that only their end needs to
 * look for it. Whoever has ended meanwhile did not know.
 */
async function awaitPorts(context: Context, waiting: readonly Endpoint[]): Promise<void> {
  const requests = waiting.flatMap((endpoint) =>
    (endpoint.waitingPorts ?? []).map((request) => ({ endpoint, request })),
  );
  const container = waiting[0]?.container;
  if (requests.length === 0 || container === undefined) return;
  const isAnyGone = await context.state.transact((tx) => {
    const publishers = requests.map(({ endpoint, request }) => publishersOf(tx, endpoint, request));
    for (const one of publishers.flat()) tx.putEndpoint({ ...one, isAwaited: true });
    return publishers.some((found) => found.length === 0);
  });
  if (isAnyGone) await handOverPorts(context, container);
}

/**
 * Lets the attachments of a container publish what waits with them and nobody publishes any more. What can't be
 * published, because another container was faster, waits on: who ends something has no use for that error.
 */
export async function handOverPorts(context: Context, container: ContainerRef): Promise<void> {
  const heirs = context.state
    .read((view) => view.endpoints())
    .filter((one) => one.container?.id === container.id && (one.waitingPorts ?? []).length > 0)
    // A container that ends, network by network, needs no ports any more.
    .filter(
      ({ sandbox }) =>
        sandbox?.placement !== undefined && isSameNamespace({ ...sandbox, ...sandbox.placement }),
    )
    .sort((one, other) => numberOf(one.containerLink) - numberOf(other.containerLink));
  for (const { network, id } of heirs) {
    try {
      const heir = await commit(context, { network, endpoints: [id] }, (tx) => {
        const attachment = requireEndpoint(tx, network, id);
        const { ports, waitingPorts = [] } = attachment.endpoint;
        // Who listens was in nobody's way before.
        return claimSharedPorts(tx, attachment, [...ports.map(requestOf), ...waitingPorts], []);
      });
      await forgetFlows(context, heir.ports);
      await awaitPorts(context, [heir]);
    } catch (error) {
      context.log.warn('ports of a container wait on', { endpoint: id, error: String(error) });
    }
  }
}

/** The other attachments of the same container that publish a port. */
function publishersOf(
  view: StateView,
  { id, container, addresses }: Partial<Pick<Endpoint, 'id' | 'container' | 'addresses'>>,
  { protocol, hostIp, hostPorts }: PortRequest,
): Endpoint[] {
  if (hostPorts === undefined || hostPorts.first !== hostPorts.last || container === undefined) return [];
  const wanted = hostIp ?? (addresses === undefined ? undefined : everyAddressOf(familiesOf({ addresses })));
  const isIt = (holder: { readonly hostIp?: Ip }) => shareAddress(holder.hostIp, wanted);
  return view
    .portHolders(protocol, hostPorts.first)
    .filter(isIt)
    .flatMap(({ network, endpoint }) => view.endpoint(network, endpoint) ?? [])
    .filter((one) => one.id !== id && one.container?.id === container.id);
}

/** Runtimes number the networks of a container, `eth0` the first, and its default routes go by that. */
function numberOf(name: IfName): number {
  return Number(/\d{1,4}$/.exec(name)?.[0] ?? 0);
}

function requestOf({ hostPort, ...rest }: PortBinding): PortRequest {
  return { ...rest, hostPorts: { first: hostPort, last: hostPort } };
}
