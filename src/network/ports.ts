import { chooseHostPort } from '../ipam/index.ts';
import { deleteFlows } from '../kernel/conntrack/index.ts';
import {
  familyOf,
  ipOf,
  isUnspecified,
  printable,
  shortId,
  TsnetError,
  type Endpoint,
  type EndpointId,
  type Ip,
  type IpFamily,
  type Network,
  type NetworkId,
  type OpenEndpointPort,
  type Port,
  type PortBinding,
  type PortRequest,
} from '../model/index.ts';
import { familiesOf } from '../plan/index.ts';
import type { PortHolder, StateTransaction } from '../state/index.ts';
import { commit, withdraw } from './commit.ts';
import type { Context } from './context.ts';
import { requireEndpoint, type Attachment } from './endpoints.ts';
import { openPortsOf, translatedFamilies } from './open-ports.ts';
import { nameListeners, readListeners, type NamedListener } from './port-listeners.ts';

const everyAddress = ['0.0.0.0', '::'] as readonly string[] as readonly Ip[];

/** How ports are published. */
export interface PublishOptions {
  /**
   * Another endpoint of the container has the gateway of the other address family: each publishes the ports in its own
   * family only.
   */
  readonly splitsFamilies?: boolean;
}

/**
 * Publishes exactly these ports of an endpoint, in place of any it has published before. Ports of an internal network
 * are never published: nothing comes in there.
 *
 * @returns the bindings with the host ports that were chosen
 * @throws not-found for an unknown endpoint; conflict when a port is held by another endpoint or a program; exhausted
 *   when no port of a range is free; unsupported for a host address of a family the endpoint has no address of
 */
export async function publish(
  context: Context,
  network: NetworkId,
  id: EndpointId,
  requests: readonly PortRequest[],
  options: PublishOptions = {},
): Promise<readonly PortBinding[]> {
  const { ports } = await withListeners(context, { ports: requests }, (listeners) =>
    commit(context, { network, endpoints: [id] }, (tx) =>
      claimPorts(tx, requireEndpoint(tx, network, id), requests, listeners, options),
    ),
  );
  await forgetFlows(context, ports);
  return ports;
}

/** Ports that are wanted, and who may listen on them all the same: processes of these names, or anybody. */
export interface WantedPorts {
  readonly ports: readonly PortRequest[];
  readonly keepers?: readonly string[] | 'anybody' | undefined;
}

/**
 * Runs an operation that claims ports, with who listens on the host. A conflict is met a second time with the names of
 * the processes, which take longer to find.
 */
export async function withListeners<T>(
  context: Context,
  { ports: requests, keepers = [] }: WantedPorts,
  operation: (listeners: readonly NamedListener[]) => Promise<T>,
): Promise<T> {
  const listeners = keepers === 'anybody' ? [] : await readListeners(context, requests);
  return operation(listeners).catch(async (error: unknown) => {
    if (!(error instanceof TsnetError) || error.kind !== 'conflict') throw error;
    const named = await nameListeners(listeners, requests, new Set(keepers));
    if (named === undefined) throw error;
    return operation(named);
  });
}

/** Records the ports of an endpoint in place of those it had. @returns the endpoint with its bindings */
export function claimPorts(
  tx: StateTransaction,
  attachment: Attachment,
  requests: readonly PortRequest[],
  listeners: readonly NamedListener[],
  options: PublishOptions = {},
): Endpoint {
  forgetPorts(tx, attachment.endpoint);
  const families = publishedFamilies(tx, attachment.endpoint, options);
  const translated = translatedFamilies(attachment.network, families);
  const chosen: PortBinding[] = [];
  for (const request of attachment.network.isInternal ? [] : requests) {
    chosen.push(...bind(tx, attachment, translated, request, listeners, chosen));
  }
  const openPorts = openPortsOf(attachment.network, families, requests);
  const endpoint = withPorts(attachment.endpoint, chosen, openPorts);
  tx.putEndpoint(endpoint);
  return endpoint;
}

/** Closes every port of an endpoint. An unknown endpoint is success. @throws kernel */
export async function unpublish(context: Context, network: NetworkId, id: EndpointId): Promise<void> {
  const { ports: open, openPorts = [] } = context.state.read((view) => view.endpoint(network, id)) ?? {
    ports: [],
  };
  if (open.length + openPorts.length === 0) return;
  await withdraw(context, { network, endpoints: [id] }, (tx) => {
    const endpoint = tx.endpoint(network, id);
    if (endpoint === undefined) return;
    forgetPorts(tx, endpoint);
    tx.putEndpoint(withPorts(endpoint, [], []));
  });
  await forgetFlows(context, open);
}

/**
 * The families in which an endpoint publishes. Where a container's gateways are split, the engine says so to both
 * endpoints alike, the one for IPv4 first: the second one finds the ports taken by the first.
 */
function publishedFamilies(
  tx: StateTransaction,
  endpoint: Endpoint,
  { splitsFamilies = false }: PublishOptions,
): ReadonlySet<IpFamily> {
  const families = familiesOf(endpoint);
  if (!splitsFamilies || families.size === 1) return families;
  const hasSibling = tx
    .endpoints()
    .some(
      ({ id, sandbox, ports, openPorts = [] }) =>
        id !== endpoint.id && sandbox?.path === endpoint.sandbox?.path && ports.length + openPorts.length > 0,
    );
  return new Set([hasSibling ? 6 : 4]);
}

/** One request becomes one binding for each host address it stands for, but those that its container has by then. */
function bind(
  tx: StateTransaction,
  { network, endpoint }: Attachment,
  families: ReadonlySet<IpFamily>,
  request: PortRequest,
  listeners: readonly NamedListener[],
  chosen: readonly PortBinding[],
): PortBinding[] {
  const { protocol, containerPort } = request;
  const same = chosen.filter((binding) => isSameMapping(request, binding));
  return notCovered(hostAddresses(network, families, request), same).flatMap((hostIp) => {
    if (hostIp !== undefined && !families.has(familyOf(hostIp))) {
      // The other endpoint of a split pair publishes it.
      if (familiesOf(endpoint).has(familyOf(hostIp))) return [];
      throw missingFamily(request, hostIp);
    }
    const on = hostIp === undefined ? {} : { hostIp };
    const binding: PortBinding = {
      protocol,
      ...on,
      hostPort: choose(tx, endpoint.id, { ...request, ...on }, listeners),
      containerPort,
    };
    tx.putPort(binding, { network: network.id, endpoint: endpoint.id });
    return [binding];
  });
}

/** Whether a request leads from the same port of the host to the same port of the container. */
function isSameMapping({ protocol, hostPorts, containerPort }: PortRequest, binding: PortBinding): boolean {
  return (
    protocol === binding.protocol &&
    containerPort === binding.containerPort &&
    hostPorts?.first === binding.hostPort &&
    hostPorts.last === binding.hostPort
  );
}

/** The addresses without those that the same mapping is on: Podman writes nothing for `0.0.0.0`, beside a `::`. */
function notCovered(
  addresses: readonly (Ip | undefined)[],
  same: readonly PortBinding[],
): readonly (Ip | undefined)[] {
  const isPartTaken = same.some(({ hostIp }) => hostIp !== undefined && isUnspecified(hostIp));
  const parts = addresses.flatMap((ip): readonly (Ip | undefined)[] =>
    ip === undefined && isPartTaken ? everyAddress : [ip],
  );
  return parts.filter(
    (ip) =>
      !same.some(
        ({ hostIp }) => hostIp === ip || (hostIp === undefined && ip !== undefined && isUnspecified(ip)),
      ),
  );
}

/** `undefined` for every address of both families; one family's every address is its unspecified one. */
function hostAddresses(
  network: Network,
  families: ReadonlySet<IpFamily>,
  { hostIp }: PortRequest,
): readonly (Ip | undefined)[] {
  if (hostIp !== undefined) return [hostIp];
  if (families.size === 0) return [];
  if (network.hostBindings !== undefined) return network.hostBindings;
  return [everyAddressOf(families)];
}

/** What a port published on no address in particular is published on: `undefined` where both families are meant. */
export function everyAddressOf(families: ReadonlySet<IpFamily>): Ip | undefined {
  if (families.size !== 1) return undefined;
  return (families.has(4) ? '0.0.0.0' : '::') as Ip;
}

function missingFamily({ containerPort }: PortRequest, hostIp: Ip): TsnetError {
  const family = familyOf(hostIp);
  return new TsnetError(
    'unsupported',
    `publish port ${containerPort} on ${hostIp}: the container has no IPv${family} address`,
    {
      hint: 'give the network a subnet of that family (--ipv6), or publish on an address of the other family',
    },
  );
}

function choose(
  tx: StateTransaction,
  own: EndpointId,
  request: PortRequest,
  listeners: readonly NamedListener[],
): Port {
  const last = tx.lastDynamicPort(request.protocol);
  const port = chooseHostPort(request, {
    holders: (protocol, port) =>
      tx.portHolders(protocol, port).map((holder) => ({ ...holder, owner: nameHolder(tx, own, holder) })),
    listeners: (protocol, port) =>
      listeners
        .filter((listener) => listener.protocol === protocol && listener.port === port)
        .map(({ ip, isIpv6Only, owner = 'a listening socket of the host' }) => ({
          // A socket on every IPv6 address takes IPv4 as well, unless it says not to.
          ...(ip === '::' && !isIpv6Only ? {} : { hostIp: ip }),
          owner,
        })),
    ...(last === undefined ? {} : { last }),
  });
  if (request.hostPorts === undefined) tx.putLastDynamicPort(request.protocol, port);
  return port;
}

/** By the name of its container where a runtime told it, else by what `tsnet ps` shows beside the engine's name. */
function nameHolder(tx: StateTransaction, own: EndpointId, { network, endpoint: id }: PortHolder): string {
  if (id === own) return 'another mapping of the same container';
  const endpoint = tx.endpoint(network, id);
  if (endpoint?.container !== undefined) {
    const { name, id: container } = endpoint.container;
    return `container ${printable(name ?? shortId(container))}`;
  }
  const addresses = (endpoint?.addresses ?? []).map(ipOf).join(' and ');
  return addresses === '' ? `endpoint ${shortId(id)}` : `the container with address ${addresses}`;
}

function withPorts(
  endpoint: Endpoint,
  ports: readonly PortBinding[],
  openPorts: readonly OpenEndpointPort[],
): Endpoint {
  const { openPorts: _, ...rest } = endpoint;
  return { ...rest, ports, ...(openPorts.length === 0 ? {} : { openPorts }) };
}

function forgetPorts(tx: StateTransaction, endpoint: Endpoint): void {
  for (const binding of endpoint.ports) tx.deletePort(binding);
}

/**
 * Tracked UDP flows keep the translation they began with; after a port moved to another container they would go on
 * reaching the old one.
 */
export async function forgetFlows({ kernel }: Context, ports: readonly PortBinding[]): Promise<void> {
  const hostPorts = ports.filter(({ protocol }) => protocol === 'udp').map(({ hostPort }) => hostPort);
  if (hostPorts.length === 0) return;
  await deleteFlows({ protocol: 'udp', originalDestinationPorts: hostPorts }, kernel.netns);
}
