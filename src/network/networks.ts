import {
  familyOfRange,
  invalid,
  overlaps,
  shortId,
  TsnetError,
  type AdoptedBridge,
  type IfName,
  type Network,
  type NetworkId,
  type Ip,
} from '../model/index.ts';
import { readSettings } from '../observe/index.ts';
import type { StateTransaction, StateView } from '../state/index.ts';
import { commit, withdraw } from './commit.ts';
import { adopt, findForeignBridge, type ForeignBridge } from './adopt.ts';
import type { Context } from './context.ts';
import { forgetEndpoint } from './endpoints.ts';
import { bridgeName } from './link-names.ts';
import { keepAuxiliaryAddresses, releaseUnbound } from './pools.ts';

/** What a front end knows of a network that is to be created. */
export interface NetworkRequest extends Omit<Network, 'bridge' | 'adopted' | 'engine' | 'createdAt'> {
  /** Absent: a name that belongs to the id. */
  readonly bridge?: IfName;
  /** Addresses in the pools that the user reserved. */
  readonly reserved: readonly Ip[];
}

/** How a network is created. */
export interface CreateOptions {
  /** Whether one that exists with other content is changed even while it has endpoints, and not refused. */
  readonly changesInUse?: boolean;
}

/**
 * Creates a network: a bridge with its gateway addresses, rules and settings. Repeated with the same content it
 * succeeds and repairs what is missing; with other content it replaces a network that has no endpoints.
 *
 * A bridge that has the wanted name already is used as it is: addresses that it lacks are added, nothing else, and
 * what was there before stays for ever.
 *
 * @throws conflict when a subnet, bridge name or id belongs to another network, or something that is no bridge has the
 *   name; unsupported for an option that this host can't keep; kernel; drift
 */
export async function createNetwork(
  context: Context,
  request: NetworkRequest,
  { changesInUse = false }: CreateOptions = {},
): Promise<Network> {
  refuseUnusable(request);
  await endReleasedNetworks(context, request);
  const found = await findBridgeToAdopt(context, request);
  // What a network says may count for each of its endpoints, such as how fast they are.
  const scope = { network: request.id, ...(changesInUse ? { endpoints: 'all' as const } : {}) };
  return commit(context, scope, (tx) => recordNetwork(tx, request, found, { changesInUse }));
}

/** Records a network, or finds it recorded. @param found the bridge of its name that others made */
export function recordNetwork(
  tx: StateTransaction,
  request: NetworkRequest,
  found: ForeignBridge | undefined,
  { changesInUse = false }: CreateOptions = {},
): Network {
  refuseUnusable(request);
  const existing = tx.network(request.id);
  const adopted = found === undefined ? undefined : adopt(found, request);
  // What the bridge had before us can't be seen once we have used it.
  const wanted = networkOf(
    request,
    existing?.bridge === request.bridge ? (existing?.adopted ?? adopted) : adopted,
  );
  if (existing !== undefined && hasSameContent(existing, wanted)) return existing;
  if (existing !== undefined && !changesInUse && tx.endpoints(existing.id).length > 0) {
    throw new TsnetError(
      'conflict',
      `create network ${shortId(wanted.id)}: it exists with other settings and is in use`,
    );
  }
  refuseClashes(tx, wanted);
  keepAuxiliaryAddresses(tx, request.pools, request.reserved);
  tx.putNetwork(wanted);
  return wanted;
}

/** The bridge of the wanted name that others made; what its settings let containers do to the host is said. */
export async function findBridgeToAdopt(
  context: Context,
  request: Parameters<typeof findForeignBridge>[1],
): Promise<ForeignBridge | undefined> {
  const found = await findForeignBridge(context, request);
  if (found !== undefined) warnOfSteering(context, request.bridge);
  return found;
}

/** A bridge of others may lead to a router and is left as it is, so that its containers can play one. */
function warnOfSteering({ kernel, log }: Context, bridge: IfName | undefined): void {
  const settings = [
    'ipv4/conf/BRIDGE/accept_redirects',
    'ipv6/conf/BRIDGE/accept_ra',
    'ipv6/conf/BRIDGE/accept_redirects',
  ];
  const paths = settings.map((path) => path.replace('BRIDGE', bridge ?? ''));
  const open = [...readSettings(kernel, paths)].flatMap(([path, value]) => (value === '0' ? [] : [path]));
  if (open.length === 0) return;
  log.warn(
    'while the host forwards nothing, containers on a bridge that tsnet did not make can change its routes',
    {
      bridge,
      settings: open,
      hint: 'set these to 0 unless the bridge leads to a router of the host',
    },
  );
}

/** IPv6 does not work on links with a smaller MTU. Source: RFC 8200 section 5, Linux `IPV6_MIN_MTU`. */
const leastMtu6 = 1_280;

/** @throws invalid-input for what the kernel would refuse with an error that names nothing of the request */
function refuseUnusable({ antispoofs, mtu, subnets }: NetworkRequest): void {
  if (antispoofs === true && subnets.length === 0) {
    throw invalid('option antispoof', true, 'a network that has addresses');
  }
  if (mtu !== undefined && mtu < leastMtu6 && subnets.some(({ subnet }) => familyOfRange(subnet) === 6)) {
    throw invalid('option mtu', mtu, `a number of bytes from ${leastMtu6}, as IPv6 needs ${leastMtu6}`);
  }
}

/** Whether a network is recorded with the content of a request, so that there is nothing to create. */
export function isAsRequested(network: Network, request: NetworkRequest): boolean {
  return hasSameContent(network, networkOf(request, network.adopted));
}

/** How a network is ended. */
export interface DeleteOptions {
  /** Whether the pools that no other network has go with it: nobody gives them back in a call of its own. */
  readonly releasesPools?: boolean;
}

/** Ends a network and whatever endpoints it still has. An unknown one is success. @throws kernel */
export async function deleteNetwork(
  context: Context,
  id: NetworkId,
  { releasesPools = false }: DeleteOptions = {},
): Promise<void> {
  await withdraw(context, { network: id, endpoints: 'all' }, (tx) => {
    const { pools = [] } = tx.network(id) ?? {};
    for (const endpoint of tx.endpoints(id)) forgetEndpoint(tx, id, endpoint.id);
    tx.deleteNetwork(id);
    if (releasesPools) releaseUnbound(tx, pools);
  });
  await context.linkRemoval.idle();
}

/**
 * An engine releases a network's pool before it deletes the network, so that another network may ask for the range in
 * between. A network whose pools are all released is about to go, or its deletion was lost.
 */
export async function endReleasedNetworks(
  context: Context,
  request: Pick<NetworkRequest, 'id' | 'subnets'>,
): Promise<void> {
  const released = context.state.read((view) =>
    view
      .networks()
      .filter(
        (other) => other.id !== request.id && isReleased(view, other) && sharesAddresses(other, request),
      ),
  );
  for (const network of released) {
    context.log.info('network gives way: its pool was released', { network: network.id });
    await deleteNetwork(context, network.id);
  }
}

function isReleased(view: StateView, network: Network): boolean {
  return network.pools.length > 0 && network.pools.every((pool) => view.pool(pool) === undefined);
}

function sharesAddresses(one: Pick<Network, 'subnets'>, other: Pick<Network, 'subnets'>): boolean {
  return one.subnets.some((mine) => other.subnets.some((theirs) => overlaps(mine.subnet, theirs.subnet)));
}

function refuseClashes(tx: StateTransaction, wanted: Network): void {
  for (const other of tx.networks()) {
    if (other.id === wanted.id) continue;
    const doing = `create network ${wanted.name ?? shortId(wanted.id)}`;
    if (other.bridge === wanted.bridge) {
      throw new TsnetError(
        'conflict',
        `${doing}: bridge ${wanted.bridge} belongs to network ${nameOf(other)}`,
      );
    }
    if (sharesAddresses(other, wanted)) {
      const ranges = other.subnets.map(({ subnet }) => subnet).join(', ');
      throw new TsnetError(
        'conflict',
        `${doing}: its addresses overlap network ${nameOf(other)} (${ranges})`,
        {
          hint: 'choose another --subnet, or leave it out',
        },
      );
    }
    if (wanted.name !== undefined && other.name === wanted.name) {
      throw new TsnetError('conflict', `${doing}: the name belongs to network ${shortId(other.id)}`);
    }
  }
}

function nameOf(network: Network): string {
  return network.name ?? shortId(network.id);
}

function networkOf(request: NetworkRequest, adopted: AdoptedBridge | undefined): Network {
  const { reserved: _, bridge, ...content } = request;
  return {
    ...content,
    bridge: bridge ?? bridgeName(request.id),
    ...(adopted === undefined ? {} : { adopted }),
    createdAt: Math.floor(Date.now() / 1000),
  };
}

function hasSameContent(one: Network, other: Network): boolean {
  const content = (network: Network) =>
    JSON.stringify(sortKeys({ ...network, createdAt: 0, engine: undefined }));
  return content(one) === content(other);
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    entries.sort(([one], [other]) => (one < other ? -1 : 1)).map(([k, v]) => [k, sortKeys(v)]),
  );
}
