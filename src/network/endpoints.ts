import {
  contains,
  ipOf,
  macFor,
  macFromBytes,
  shortId,
  TsnetError,
  type Address,
  type Endpoint,
  type EndpointId,
  type Mac,
  type Network,
  type NetworkId,
  type Shaping,
} from '../model/index.ts';
import type { StateTransaction, StateView } from '../state/index.ts';
import { commit, withdraw } from './commit.ts';
import type { Context } from './context.ts';
import { freeLease } from './leases.ts';
import { containerLinkName, hostLinkName } from './link-names.ts';

/** What a front end knows of an endpoint that is to be created. */
export interface EndpointRequest {
  readonly network: NetworkId;
  readonly id: EndpointId;
  /** At most one of each family. */
  readonly addresses: readonly Address[];
  /** Absent lets tsnet choose one that belongs to the address. */
  readonly mac?: Mac;
  /** In each direction instead of what the network says. */
  readonly shaping?: Shaping;
}

/** What the container's side needs to know to finish an endpoint. */
export interface Attachment {
  readonly network: Network;
  readonly endpoint: Endpoint;
}

/**
 * Records an endpoint; its links are made by `join`. Repeated with the same content it gives the stored answer.
 *
 * An endpoint that still owns one of the addresses is dead: addresses are given out once, so its release was lost.
 *
 * @throws not-found for an unknown network; conflict when the id is taken with other content; invalid-input when an
 *   address is not in the network
 */
export async function createEndpoint(context: Context, request: EndpointRequest): Promise<Endpoint> {
  for (;;) {
    const recorded = await context.state.transact((tx) => recordEndpoint(tx, request));
    if (!(recorded instanceof Set)) return recorded;
    for (const dead of recorded) {
      context.log.warn('endpoint gives way: its address was given to another', { endpoint: dead });
      await deleteEndpoint(context, request.network, dead);
    }
  }
}

/** The endpoint, or those that own its addresses and must go first. */
function recordEndpoint(tx: StateTransaction, request: EndpointRequest): Endpoint | Set<EndpointId> {
  const network = requireNetwork(tx, request.network);
  const wanted = endpointOf(request);
  const existing = tx.endpoint(network.id, request.id);
  if (existing !== undefined) {
    if (isSameEndpoint(existing, wanted)) return existing;
    throw new TsnetError(
      'conflict',
      `create endpoint ${shortId(request.id)}: it exists with other addresses`,
    );
  }
  for (const address of request.addresses) refuseForeignAddress(network, address);
  const dead = deadEndpoints(tx, request);
  if (dead.size > 0) return dead;
  tx.putEndpoint(wanted);
  return wanted;
}

/** Ends an endpoint: its links, its ports, its record. An unknown one is success. @throws kernel */
export async function deleteEndpoint(context: Context, network: NetworkId, id: EndpointId): Promise<void> {
  await withdraw(context, { network, endpoints: [id] }, (tx) => forgetEndpoint(tx, network, id));
}

/** Forgets an endpoint, and gives back the addresses that were leased together with it. */
export function forgetEndpoint(tx: StateTransaction, network: NetworkId, id: EndpointId): void {
  const { leasedFrom = [], addresses = [] } = tx.endpoint(network, id) ?? {};
  for (const pool of leasedFrom) {
    for (const address of addresses) freeLease(tx, pool, ipOf(address));
  }
  tx.deleteEndpoint(network, id);
}

/**
 * Makes the endpoint's veth pair, one end in the bridge and up, the other on the host for the engine to move. Repairs
 * the network on the way. Repeated it gives the same answer and makes what is missing.
 *
 * @param path the sandbox; recorded, never entered: it may not exist yet
 * @throws not-found for an unknown endpoint; exhausted for the bridge's 1,024th port; conflict; kernel; drift
 */
export async function join(
  context: Context,
  network: NetworkId,
  id: EndpointId,
  path: string,
): Promise<Attachment> {
  return commit(context, { network, endpoints: [id] }, (tx) => {
    const attachment = requireEndpoint(tx, network, id);
    const endpoint: Endpoint = { ...attachment.endpoint, sandbox: { path } };
    tx.putEndpoint(endpoint);
    return { ...attachment, endpoint };
  });
}

/** The network and the endpoint. @throws not-found */
export function requireEndpoint(view: StateView, network: NetworkId, id: EndpointId): Attachment {
  const found = requireNetwork(view, network);
  const endpoint = view.endpoint(network, id);
  if (endpoint === undefined) {
    throw new TsnetError('not-found', `endpoint ${shortId(id)} is not known in network ${shortId(network)}`, {
      hint: 'restart the container',
    });
  }
  return { network: found, endpoint };
}

/** The network. @throws not-found */
export function requireNetwork(view: StateView, id: NetworkId): Network {
  const network = view.network(id);
  if (network === undefined) {
    throw new TsnetError('not-found', `network ${shortId(id)} is not known to tsnet`, {
      hint: 'its records were lost: remove the network and create it again',
    });
  }
  return network;
}

function deadEndpoints(view: StateView, request: EndpointRequest): Set<EndpointId> {
  const owners = request.addresses.flatMap(
    (address) => view.addressOwner(request.network, ipOf(address)) ?? [],
  );
  return new Set(owners.filter((owner) => owner !== request.id));
}

/** @throws invalid-input for an address that is in none of a network's subnets */
export function refuseForeignAddress(network: Network, address: Address): void {
  if (network.subnets.length === 0 || network.subnets.some(({ subnet }) => contains(subnet, ipOf(address))))
    return;
  const ranges = network.subnets.map(({ subnet }) => subnet).join(', ');
  throw new TsnetError('invalid-input', `address: ${address} is not in the network's ${ranges}`);
}

/** The endpoint as it is recorded first: without sandbox and ports. */
export function endpointOf(request: EndpointRequest): Endpoint {
  const firstAddress = request.addresses[0];
  const { shaping } = request;
  return {
    id: request.id,
    network: request.network,
    mac: request.mac ?? (firstAddress === undefined ? randomMac() : macFor(ipOf(firstAddress))),
    addresses: request.addresses,
    hostLink: hostLinkName(request.id),
    containerLink: containerLinkName(request.id),
    ...(shaping === undefined ? {} : { shaping }),
    ports: [],
    createdAt: Math.floor(Date.now() / 1000),
  };
}

function randomMac(): Mac {
  const bytes = crypto.getRandomValues(new Uint8Array(4));
  return macFromBytes(Uint8Array.from([0x02, 0x42, ...bytes]));
}

function isSameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return (
    one.addresses.join() === other.addresses.join() && (one.mac === other.mac || other.addresses.length === 0)
  );
}
