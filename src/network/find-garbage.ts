import type { Lease, Pool } from '../ipam/index.ts';
import {
  contains,
  ipOf,
  shortId,
  type Endpoint,
  type EndpointId,
  type EngineUse,
  type Ip,
  type Network,
  type PoolId,
} from '../model/index.ts';
import type { StateView } from '../state/index.ts';

/** A record of something that has ended without our being told. */
export type Garbage =
  | { readonly kind: 'network'; readonly record: Network; readonly why: string }
  | { readonly kind: 'endpoint'; readonly record: Endpoint; readonly why: string }
  | { readonly kind: 'pool'; readonly record: Pool; readonly why: string }
  | { readonly kind: 'lease'; readonly record: Lease; readonly why: string };

/** What to go by. */
export interface GarbageRules {
  /** When the engine was asked, in seconds since 1970. */
  readonly nowSeconds: number;
  /** What is younger may be in creation: an engine has it only when we have answered. */
  readonly leastAgeSeconds: number;
}

/**
 * The records that an engine does not know any more. Only an engine that was seen to have a network or pool is believed
 * when it has it no longer: several engines may use one tsnet.
 */
export function findGarbage(view: StateView, use: EngineUse, rules: GarbageRules): Garbage[] {
  const networks = view.networks();
  const isOld = (createdAt = 0) => rules.nowSeconds - createdAt >= rules.leastAgeSeconds;
  const gone = networks.filter(
    (network) =>
      network.origin === 'docker' &&
      network.engine === use.engine &&
      !use.networks.has(network.id) &&
      isOld(network.createdAt) &&
      view.endpoints(network.id).every(({ createdAt }) => isOld(createdAt)),
  );
  const dead = networks
    .filter((network) => isOf(network, use) && !gone.includes(network))
    .flatMap(({ id }) => view.endpoints(id))
    .filter(({ id, createdAt }) => !use.endpoints.has(id) && isOld(createdAt));
  const idle = unboundPools(view, rules).filter((pool) => isUnused(view, pool, use));
  const lost = view
    .leases()
    .filter((lease) => lease.kind === 'endpoint' && isOld(lease.createdAt))
    .filter(({ pool, ip }) => {
      const isOurs = view.pool(pool)?.engine === use.engine && !idle.some(({ id }) => id === pool);
      return isOurs && !use.addresses.has(ip) && ownersOf(view, networks, pool, ip).length === 0;
    });
  return [
    ...dead.map((record): Garbage => ({ kind: 'endpoint', record, why: 'the engine has no such endpoint' })),
    ...gone.map((record): Garbage => ({ kind: 'network', record, why: 'the engine has it no longer' })),
    ...idle.map(poolGarbage),
    ...lost.map((record): Garbage => ({ kind: 'lease', record, why: 'no container has this address' })),
  ];
}

/** The pools that tsnet made by itself for networks that are gone. No engine needs to be asked. */
export function findOwnPools(view: StateView, rules: GarbageRules): Garbage[] {
  return unboundPools(view, rules)
    .filter((pool) => isOwn(pool) && hasNoEndpoint(view, pool))
    .map(poolGarbage);
}

/** Pools of which nobody can say whether an engine has them: older versions did not write down that they were their own. */
export function findUnclaimedPools(view: StateView, rules: GarbageRules): Pool[] {
  return unboundPools(view, rules).filter(
    (pool) => pool.engine === undefined && !isOwn(pool) && hasNoEndpoint(view, pool),
  );
}

function unboundPools(view: StateView, { nowSeconds, leastAgeSeconds }: GarbageRules): Pool[] {
  const bound = new Set(view.networks().flatMap(({ pools }) => pools));
  return view
    .pools()
    .filter(({ id, createdAt }) => !bound.has(id) && nowSeconds - createdAt >= leastAgeSeconds);
}

function poolGarbage(record: Pool): Garbage {
  return { kind: 'pool', record, why: 'no network takes addresses from it' };
}

/** A network of CNI has a space of its own. */
function isOwn({ space, isOwn: isMarked }: Pool): boolean {
  return isMarked === true || space.startsWith('cni-');
}

function hasNoEndpoint(view: StateView, { id }: Pool): boolean {
  return view.leases(id).every(({ kind }) => kind !== 'endpoint');
}

/** Whether an engine's word counts for a network: it has it, or had it. */
function isOf({ origin, id, engine }: Network, use: EngineUse): boolean {
  return origin === 'docker' && (use.networks.has(id) || engine === use.engine);
}

/** A pool that no engine was seen to use is unused for sure if nothing was ever taken from it. */
function isUnused(view: StateView, pool: Pool, use: EngineUse): boolean {
  if (isOwn(pool)) return hasNoEndpoint(view, pool);
  if (use.subnets.has(pool.subnet)) return false;
  if (pool.engine === undefined) return view.leases(pool.id).length === 0;
  return pool.engine === use.engine;
}

/** The endpoints that have an address of a pool. */
export function ownersOf(
  view: StateView,
  networks: readonly Network[],
  pool: PoolId,
  ip: Ip,
): readonly EndpointId[] {
  return networks
    .filter(({ pools }) => pools.includes(pool))
    .flatMap(({ id }) => view.addressOwner(id, ip) ?? []);
}

/** The leases of an endpoint's addresses. */
export function leasesOf(view: StateView, network: Network | undefined, endpoint: Endpoint): Lease[] {
  const pools = (network?.pools ?? []).flatMap((id) => view.pool(id) ?? []);
  return endpoint.addresses
    .map((address) => ipOf(address))
    .flatMap((ip) =>
      pools.filter(({ subnet }) => contains(subnet, ip)).flatMap(({ id }) => view.lease(id, ip) ?? []),
    );
}

/** What it is, as one line for people. */
export function formatGarbage({ kind, record, why }: Garbage): string {
  switch (kind) {
    case 'network':
      return `network ${shortId(record.id)} (${record.bridge}): ${why}`;
    case 'endpoint':
      return `endpoint ${shortId(record.id)} (${record.addresses.join(', ')}): ${why}`;
    case 'pool':
      return `pool ${record.id}: ${why}`;
    case 'lease':
      return `address ${record.ip} of pool ${record.pool}: ${why}`;
  }
}
