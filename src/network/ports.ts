import { chooseHostPort, defaultDynamicPorts } from '../ipam/index.ts';
import { deleteFlows } from '../kernel/conntrack/index.ts';
import { listListeners, type Listener } from '../kernel/sockets/index.ts';
import {
  familyOf,
  TsnetError,
  type Endpoint,
  type EndpointId,
  type Ip,
  type IpFamily,
  type Network,
  type NetworkId,
  type Port,
  type PortBinding,
  type PortRange,
  type PortRequest,
  type Protocol,
} from '../model/index.ts';
import { familiesOf } from '../plan/index.ts';
import type { StateTransaction } from '../state/index.ts';
import { commit, withdraw } from './commit.ts';
import type { Context } from './context.ts';
import { requireEndpoint, type Attachment } from './endpoints.ts';

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
  const listeners = await readListeners(context, requests);
  const ports = await commit(context, { network, endpoints: [id] }, (tx) => {
    const attachment = requireEndpoint(tx, network, id);
    forgetPorts(tx, attachment.endpoint);
    const families = publishedFamilies(tx, attachment.endpoint, options);
    const chosen = attachment.network.isInternal
      ? []
      : requests.flatMap((request) => bind(tx, attachment, families, request, listeners));
    tx.putEndpoint({ ...attachment.endpoint, ports: chosen });
    return chosen;
  });
  await forgetFlows(context, ports);
  return ports;
}

/** Closes every port of an endpoint. An unknown endpoint is success. @throws kernel */
export async function unpublish(context: Context, network: NetworkId, id: EndpointId): Promise<void> {
  const open = context.state.read((view) => view.endpoint(network, id)?.ports ?? []);
  if (open.length === 0) return;
  await withdraw(context, { network, endpoints: [id] }, (tx) => {
    const endpoint = tx.endpoint(network, id);
    if (endpoint === undefined) return;
    forgetPorts(tx, endpoint);
    tx.putEndpoint({ ...endpoint, ports: [] });
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
      ({ id, sandbox, ports }) =>
        id !== endpoint.id && sandbox?.path === endpoint.sandbox?.path && ports.length > 0,
    );
  return new Set([hasSibling ? 6 : 4]);
}

/** One request becomes one binding for each host address it stands for. */
function bind(
  tx: StateTransaction,
  { network, endpoint }: Attachment,
  families: ReadonlySet<IpFamily>,
  request: PortRequest,
  listeners: readonly Listener[],
): PortBinding[] {
  const { protocol, containerPort } = request;
  return hostAddresses(network, families, request).flatMap((hostIp) => {
    if (hostIp !== undefined && !families.has(familyOf(hostIp))) {
      // The other endpoint of a split pair publishes it.
      if (familiesOf(endpoint).has(familyOf(hostIp))) return [];
      throw missingFamily(request, hostIp);
    }
    const on = hostIp === undefined ? {} : { hostIp };
    const binding: PortBinding = {
      protocol,
      ...on,
      hostPort: choose(tx, { ...request, ...on }, listeners),
      containerPort,
    };
    tx.putPort(binding, { network: network.id, endpoint: endpoint.id });
    return [binding];
  });
}

/** `undefined` for every address of both families; one family's every address is its unspecified one. */
function hostAddresses(
  network: Network,
  families: ReadonlySet<IpFamily>,
  { hostIp }: PortRequest,
): readonly (Ip | undefined)[] {
  if (hostIp !== undefined) return [hostIp];
  if (network.hostBindings !== undefined) return network.hostBindings;
  if (families.size !== 1) return [undefined];
  return [(families.has(4) ? '0.0.0.0' : '::') as Ip];
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

function choose(tx: StateTransaction, request: PortRequest, listeners: readonly Listener[]): Port {
  const last = tx.lastDynamicPort(request.protocol);
  const port = chooseHostPort(request, {
    holders: (protocol, port) => tx.portHolders(protocol, port),
    listeners: (protocol, port) =>
      listeners
        .filter((listener) => listener.protocol === protocol && listener.port === port)
        .map(({ ip, isIpv6Only }) => ({
          // A socket on every IPv6 address takes IPv4 as well, unless it says not to.
          ...(ip === '::' && !isIpv6Only ? {} : { hostIp: ip }),
          owner: 'a listening socket of the host',
        })),
    ...(last === undefined ? {} : { last }),
  });
  if (request.hostPorts === undefined) tx.putLastDynamicPort(request.protocol, port);
  return port;
}

function forgetPorts(tx: StateTransaction, endpoint: Endpoint): void {
  for (const binding of endpoint.ports) tx.deletePort(binding);
}

/** Who listens on the host, for the ports that may be chosen: one question to the kernel a protocol. */
async function readListeners({ kernel }: Context, requests: readonly PortRequest[]): Promise<Listener[]> {
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

/**
 * Tracked UDP flows keep the translation they began with; after a port moved to another container they would go on
 * reaching the old one.
 */
async function forgetFlows({ kernel }: Context, ports: readonly PortBinding[]): Promise<void> {
  for (const { protocol, hostPort } of ports.filter((port) => port.protocol === 'udp')) {
    await deleteFlows({ protocol, originalDestinationPort: hostPort }, kernel.netns);
  }
}

function netnsOf({ netns }: Context['kernel']): { netns?: string } {
  return netns === undefined ? {} : { netns };
}
