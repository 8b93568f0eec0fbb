import { allocate } from '../ipam/index.ts';
import type { Link } from '../kernel/netlink/index.ts';
import {
  addressIn,
  contains,
  ipOf,
  unfinishedOwner,
  type Address,
  type Endpoint,
  type EndpointId,
  type IfName,
  type Ip,
  type Network,
  type OpenEndpointPort,
  type Owner,
  type PortBinding,
  type Resource,
} from '../model/index.ts';
import { observeOwned } from '../observe/index.ts';
import type { StateTransaction, StateView } from '../state/index.ts';
import type { Context } from './context.ts';
import { findFarEnds, type FarEnd } from './find-far-ends.ts';
import { findRunningSandboxes } from './find-running-sandboxes.ts';
import { containerLinkName } from './link-names.ts';
import { leaseOwner } from './leases.ts';
import { withLock } from './lock.ts';

/**
 * After records were lost within a boot, records again what the kernel tells of containers that run: marked links name their
 * endpoint and lead to its interface, marked elements of the firewall name its ports. Sandboxes of `tsnet run` whose commands
 * run are running again. What no record explains even then is left alone until the boot ends. Done once, by the first who opens the state for writing; without a loss it costs a read.
 */
export async function adoptSurvivors(context: Context): Promise<void> {
  const isDue = () => {
    const lost = context.state.lostRecords();
    return lost !== undefined && lost.kept === undefined ? lost : undefined;
  };
  if (isDue() === undefined) return;
  await withLock(context.runDirectory, 'recovery', async () => {
    const lost = isDue();
    if (lost === undefined) return;
    const owned = await observeOwned(context.kernel);
    const endpoints = await rebuild(context, owned);
    const known = new Set<Owner>(endpoints.map(({ id }): Owner => `endpoint:${id}`));
    for (const owner of context.state.read(recordedOwners)) known.add(owner);
    const kept = keepable(owned, known, lost.what);
    const sandboxes = findRunningSandboxes(context.state.read((view) => view.sandboxes()));
    await context.state.recordFound(kept.length === 0 ? undefined : { ...lost, kept }, (tx) => {
      for (const endpoint of endpoints) record(tx, endpoint);
      for (const sandbox of sandboxes) tx.putSandbox(sandbox);
    });
    if (endpoints.length + sandboxes.length + kept.length === 0) return;
    context.log.warn('records of this boot were lost; what the kernel tells was recorded again', {
      endpoints: endpoints.map(({ id }) => id),
      sandboxes: sandboxes.map(({ name }) => name),
      leftAlone: kept,
      notKnown: 'names of containers, aliases, rate limits, routes',
    });
  });
}

/** The marks of what the kernel holds that no record explains because records were lost: nobody removes it. */
export function keptOwners({ state }: Pick<Context, 'state'>): ReadonlySet<string> {
  return new Set(state.lostRecords()?.kept);
}

/**
 * With all records gone that is everything marked. Otherwise the networks are known, and an endpoint has ended if its link is
 * gone; but of one that has a link, what can't be recorded again stays.
 */
function keepable(owned: readonly Resource[], known: ReadonlySet<Owner>, what: 'boot' | 'all'): string[] {
  const linked = new Set(owned.flatMap(({ kind, owner }) => (kind === 'veth' ? [owner] : [])));
  const kept = owned
    .filter(({ owner }) => owner !== 'host' && owner !== unfinishedOwner)
    .filter(({ kind, owner }) => {
      // Rate limits are not known, and go on as they are.
      if (kind === 'ifb') return linked.has(owner);
      return !known.has(owner) && (what === 'all' || linked.has(owner));
    });
  return [...new Set(kept.map(({ owner }) => owner))].sort();
}

function recordedOwners(view: StateView): Owner[] {
  return [
    ...view.networks().map(({ id }): Owner => `network:${id}`),
    ...view.endpoints().map(({ id }): Owner => `endpoint:${id}`),
  ];
}

async function rebuild(context: Context, owned: readonly Resource[]): Promise<Endpoint[]> {
  const { networks, recorded } = context.state.read((view) => ({
    networks: new Map(view.networks().map((network) => [network.bridge, network])),
    recorded: new Set(view.endpoints().map(({ id }): Owner => `endpoint:${id}`)),
  }));
  const lost = owned.flatMap((resource) => {
    const isLost = resource.kind === 'veth' && resource.owner.startsWith('endpoint:');
    const network = isLost ? networks.get(resource.bridge) : undefined;
    if (network === undefined || resource.owner === unfinishedOwner || recorded.has(resource.owner))
      return [];
    return [{ name: (resource as { name: IfName }).name, owner: resource.owner, network }];
  });
  if (lost.length === 0) return [];
  const links = await context.kernel.rtnetlink.readLinks(lost.map(({ name }) => name));
  const farEnds = await findFarEnds(context.kernel, [...links.values()]);
  return lost.flatMap(({ name, owner, network }) => {
    const link = links.get(name);
    const farEnd = link === undefined ? undefined : farEnds.get(link.index);
    return link === undefined ? [] : (endpointOf(owner, network, link, farEnd, owned) ?? []);
  });
}

/** Undefined where nothing leads to the container's interface: its MAC address is part of every record. */
function endpointOf(
  owner: Owner,
  network: Network,
  link: Link,
  farEnd: FarEnd | undefined,
  owned: readonly Resource[],
): Endpoint | undefined {
  if (farEnd?.mac === undefined) return undefined;
  const id = owner.slice('endpoint:'.length) as EndpointId;
  const addresses = oneOfEachFamily(network, farEnd.addresses);
  return {
    id,
    network: network.id,
    mac: farEnd.mac,
    addresses,
    hostLink: link.name as IfName,
    containerLink: farEnd.sandbox === undefined ? farEnd.name : containerLinkName(id),
    ...(farEnd.sandbox === undefined ? {} : { sandbox: { path: farEnd.sandbox } }),
    ports: portsOf(owner, owned),
    ...openPortsOf(owner, owned),
    createdAt: Math.floor(Date.now() / 1000),
  };
}

/** A container may give itself others; those of the network are the ones it was given. */
function oneOfEachFamily({ subnets }: Network, all: readonly Address[]): Address[] {
  const own = all.flatMap((address) => {
    const subnet = subnets.find((one) => contains(one.subnet, ipOf(address)))?.subnet;
    return subnet === undefined ? [] : [addressIn(ipOf(address), subnet)];
  });
  return [4, 6].flatMap((family) => own.find((one) => one.includes(':') === (family === 6)) ?? []);
}

function portsOf(owner: Owner, owned: readonly Resource[]): PortBinding[] {
  const bindings = owned.flatMap((resource): PortBinding[] => {
    if (resource.kind !== 'published-port' || resource.owner !== owner) return [];
    const { protocol, hostIp, hostPort, targetPort } = resource;
    return [{ protocol, ...(hostIp === undefined ? {} : { hostIp }), hostPort, containerPort: targetPort }];
  });
  return [...new Map(bindings.map((binding) => [JSON.stringify(binding), binding])).values()];
}

function openPortsOf(owner: Owner, owned: readonly Resource[]): Pick<Endpoint, 'openPorts'> {
  const openPorts = owned.flatMap((resource): OpenEndpointPort[] => {
    if (resource.kind !== 'open-port' || resource.owner !== owner) return [];
    const { protocol, target, targetPort } = resource;
    return [{ family: target.includes(':') ? 6 : 4, protocol, port: targetPort }];
  });
  return openPorts.length === 0 ? {} : { openPorts };
}

function record(tx: StateTransaction, endpoint: Endpoint): void {
  const network = tx.network(endpoint.network);
  if (network === undefined || tx.endpoint(endpoint.network, endpoint.id) !== undefined) return;
  const taken = endpoint.addresses.flatMap((address) => lease(tx, network, endpoint.id, ipOf(address)) ?? []);
  // An engine gives addresses back in calls of its own.
  const leased = network.origin === 'docker' || taken.length === 0 ? {} : { leasedFrom: taken };
  tx.putEndpoint({ ...endpoint, ...leased });
  for (const binding of endpoint.ports) {
    tx.putPort(binding, { network: endpoint.network, endpoint: endpoint.id });
  }
}

function lease(tx: StateTransaction, network: Network, id: EndpointId, ip: Ip) {
  const pool = tx
    .pools()
    .filter((one) => contains(one.subnet, ip))
    .sort((one, other) => rank(network, one.id) - rank(network, other.id))[0];
  if (pool === undefined || tx.lease(pool.id, ip) !== undefined) return undefined;
  const { pool: moved } = allocate(pool, tx.nodes(pool.id), { kind: 'endpoint', address: ip });
  tx.putPool(moved);
  const owner = network.origin === 'docker' ? {} : { owner: leaseOwner(id) };
  tx.putLease({ pool: pool.id, ip, kind: 'endpoint', ...owner, createdAt: Math.floor(Date.now() / 1000) });
  return pool.id;
}

function rank({ pools }: Network, id: Network['pools'][number]): number {
  return pools.includes(id) ? 0 : 1;
}
