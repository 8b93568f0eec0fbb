import {
  contains,
  familyOfRange,
  ipOf,
  overlaps,
  TsnetError,
  type Network,
  type NetworkSubnet,
} from '../../model/index.ts';
import {
  createNetwork,
  endIdleNetworks,
  isAsRequested,
  readBridge,
  releaseIdlePools,
  type Context,
  type NetworkRequest,
} from '../../network/index.ts';
import type { BridgeConfig } from './bridge-config.ts';
import type { AddressPlan } from './ipam.ts';
import type { CniNetworkId } from './identity.ts';

/**
 * Makes the network as a configuration wants it, or changes it, while it is in use too. In the common case, that it is
 * there, this costs one look at its record.
 *
 * @throws conflict when the bridge or a range belongs to another network that is in use, or the bridge has another
 *   address and `forceAddress` is not set; kernel; drift
 */
export async function ensureNetwork(
  context: Context,
  id: CniNetworkId,
  config: BridgeConfig,
  plan: Pick<AddressPlan, 'sources' | 'pools'>,
): Promise<Network> {
  const existing = context.state.read((view) => view.network(id));
  const wanted = subnetsOf(config, plan);
  const kept = existing === undefined ? [] : keptSubnets(context, existing, wanted, plan);
  const request = requestOf(
    id,
    config,
    inOrderOf(existing?.subnets ?? [], [...wanted, ...kept]),
    inOrderOf(existing?.pools ?? [], plan.pools),
  );
  if (existing !== undefined && isAsRequested(existing, request)) return existing;
  await refuseOtherAddress(context, config, existing, wanted);
  await makeWay(context, request);
  return createNetwork(context, request, { changesInUse: true });
}

/** The ranges of the network, with the bridge's address where it is the gateway. */
function subnetsOf(
  { isGateway }: BridgeConfig,
  { sources }: Pick<AddressPlan, 'sources'>,
): readonly NetworkSubnet[] {
  const subnets = sources.map((source) => (isGateway ? source : { subnet: source.subnet }));
  return [...new Map(subnets.map((one) => [one.subnet, one])).values()];
}

/** An attachment may be under way for so long: its address is decided, its endpoint not recorded yet. */
const underWaySeconds = 60;

/**
 * The ranges that a network has had before, where attachments may have addresses of them. Of another plugin's ranges only
 * those are known that it has given addresses from, so all are kept as long as nothing else changes.
 */
function keptSubnets(
  context: Context,
  existing: Network,
  wanted: readonly NetworkSubnet[],
  { pools }: Pick<AddressPlan, 'pools'>,
): readonly NetworkSubnet[] {
  const others = existing.subnets.filter(({ subnet }) => !wanted.some((one) => overlaps(one.subnet, subnet)));
  if (others.length === 0 || Date.now() / 1000 - existing.createdAt < underWaySeconds) return others;
  const isKnown = (one: NetworkSubnet) =>
    existing.subnets.some(({ subnet, gateway }) => subnet === one.subnet && gateway === one.gateway);
  if (pools.length === 0 && wanted.every(isKnown)) return others;
  const used = context.state
    .read((view) => view.endpoints(existing.id))
    .flatMap(({ addresses }) => addresses);
  return others.filter(({ subnet }) => used.some((address) => contains(subnet, ipOf(address))));
}

/** The same things in the order in which a record has them, what is new at the end. */
function inOrderOf<T>(recorded: readonly T[], wanted: readonly T[]): T[] {
  const rank = new Map(recorded.map((one, index) => [JSON.stringify(one), index]));
  const rankOf = (one: T) => rank.get(JSON.stringify(one)) ?? recorded.length;
  return [...wanted].sort((one, other) => rankOf(one) - rankOf(other));
}

function requestOf(
  id: CniNetworkId,
  config: BridgeConfig,
  subnets: readonly NetworkSubnet[],
  pools: NetworkRequest['pools'],
): NetworkRequest {
  const { bridge, mtu, masquerades, antispoofs, isolatesPorts, hairpins, ingressPolicy } = config;
  // As with the reference plugins: what has a route to the containers may use it, unless a policy says otherwise.
  const mode = ingressPolicy === 'open' ? 'nat-unprotected' : 'nat';
  return {
    id,
    // Nobody else's network has a name like this.
    name: id,
    origin: 'cni',
    bridge,
    ...(mtu === undefined ? {} : { mtu }),
    isInternal: false,
    allowsIcc: !isolatesPorts && ingressPolicy !== 'isolated',
    masquerades,
    gatewayMode4: mode,
    gatewayMode6: mode,
    ...(antispoofs ? { antispoofs: true } : {}),
    ...(hairpins === undefined ? {} : { hairpins }),
    subnets,
    pools,
    reserved: [],
    options: {},
  };
}

/** A bridge's address is what its containers have as gateway: changing it cuts them off. */
async function refuseOtherAddress(
  context: Context,
  { bridge, forcesAddress }: BridgeConfig,
  existing: Network | undefined,
  subnets: readonly NetworkSubnet[],
): Promise<void> {
  if (forcesAddress || subnets.every(({ gateway }) => gateway === undefined)) return;
  const differing = (address: string) =>
    new TsnetError(
      'conflict',
      `bridge ${bridge}: it already has the address ${address}, different from the gateway ` +
        subnets.map(({ gateway }) => gateway).join(', '),
      { subject: bridge, hint: 'correct the gateway, or set forceAddress to true' },
    );
  if (existing !== undefined && existing.bridge === bridge) {
    const changed = existing.subnets.find(({ subnet, gateway }) =>
      subnets.some((one) => gateway !== undefined && overlaps(one.subnet, subnet) && one.gateway !== gateway),
    );
    if (changed?.gateway !== undefined && isInUse(context, existing.id)) throw differing(changed.gateway);
    return;
  }
  const found = await readBridge(context, bridge);
  if (found === undefined || found.isOurs) return;
  const wanted = new Set<string>(subnets.flatMap(({ gateway }) => gateway ?? []));
  const other = found.addresses.find((address) => {
    if (wanted.has(ipOf(address))) return false;
    // Of IPv6 a bridge may have several, as long as they are of different ranges.
    return familyOfRange(address) === 4
      ? subnets.some(({ subnet }) => familyOfRange(subnet) === 4)
      : subnets.some(({ subnet }) => contains(subnet, ipOf(address)));
  });
  if (other !== undefined) throw differing(other);
}

/** Networks that nobody uses any more are in nobody's way: a runtime does not say when it forgets one. */
async function makeWay(context: Context, request: NetworkRequest): Promise<void> {
  const inTheWay = context.state.read((view) =>
    view
      .networks()
      .filter(({ id, origin }) => id !== request.id && origin === 'cni')
      .filter(
        (other) =>
          other.bridge === request.bridge ||
          other.subnets.some(({ subnet }) => request.subnets.some((one) => overlaps(one.subnet, subnet))),
      ),
  );
  if (inTheWay.length === 0) return;
  await endIdleNetworks(context, 'cni', request.id);
  await releaseIdlePools(context, inTheWay);
}

function isInUse(context: Context, id: Network['id']): boolean {
  return context.state.read((view) => view.endpoints(id).length > 0);
}
