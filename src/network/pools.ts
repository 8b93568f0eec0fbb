import {
  allocate,
  requestPool as choosePool,
  type Allocation,
  type Pool,
  type PoolRequest,
} from '../ipam/index.ts';
import {
  addressIn,
  printable,
  shortId,
  TsnetError,
  type Address,
  type Ip,
  type PoolId,
  type Subnet,
} from '../model/index.ts';
import type { StateTransaction, StateView } from '../state/index.ts';
import { clearingTheWay } from './clear-the-way.ts';
import type { Context } from './context.ts';
import { deleteEndpoint } from './endpoints.ts';
import { freeLease, nowSeconds, requirePool } from './leases.ts';

export type { Pool, PoolRequest } from '../ipam/index.ts';

/** What an address is for: a gateway is chosen first in the subnet and outlives a reboot. */
export type AddressPurpose = 'gateway' | 'endpoint';

/**
 * Takes a pool, the one asked for or one that overlaps no other pool and no route of the host.
 *
 * A pool asked for by its range that no network uses and from which no container has an address is handed out again:
 * the answer to the first request was lost, or its network was removed while tsnet was down.
 *
 * @throws conflict when the range overlaps another pool; exhausted when no range is left; invalid-input
 */
export async function requestPool(context: Context, request: PoolRequest): Promise<Pool> {
  const hostRoutes = request.subnet === undefined ? await readHostRoutes(context) : [];
  return clearingTheWay(context, () =>
    context.state.transact((tx) => {
      if (request.subnet !== undefined) forgetIdlePools(tx, request);
      const pool = choosePool(tx.pools(), hostRoutes, request);
      tx.putPool(pool);
      return pool;
    }),
  );
}

/**
 * Takes a pool and the address of its gateway as a part of a transaction, for a network that tsnet makes by itself.
 *
 * @param gateway absent means the first address
 * @throws as `requestPool`; invalid-input for a gateway outside of it
 */
export function takePool(
  tx: StateTransaction,
  hostRoutes: readonly Subnet[],
  request: PoolRequest,
  gateway: ((pool: Pool) => Ip | undefined) | undefined,
): { readonly pool: Pool; readonly gateway: Ip } {
  if (request.subnet !== undefined) forgetIdlePools(tx, request);
  const pool: Pool = { ...choosePool(tx.pools(), hostRoutes, request), isOwn: true };
  tx.putPool(pool);
  const wanted = gateway?.(pool);
  return { pool, gateway: takeLease(tx, pool.id, 'gateway', wanted).ip };
}

/** Forgets those of some pools that no network has any more. */
export function releaseUnbound(tx: StateTransaction, pools: readonly PoolId[]): void {
  const bound = new Set(tx.networks().flatMap((network) => network.pools));
  for (const id of pools) if (!bound.has(id)) tx.deletePool(id);
}

/** Gives a pool back with all its addresses. An unknown one is success. */
export async function releasePool(context: Context, id: PoolId): Promise<void> {
  await context.state.transact((tx) => tx.deletePool(id));
}

/**
 * Takes an address from a pool, the one asked for or the next free one.
 *
 * @throws not-found for an unknown pool; conflict when the address is taken; exhausted; invalid-input when outside
 */
export async function requestAddress(
  context: Context,
  id: PoolId,
  purpose: AddressPurpose,
  wanted?: Ip,
): Promise<Address> {
  return clearingTheWay(context, () =>
    context.state.transact((tx) => {
      const { ip, pool } = takeLease(tx, id, purpose, wanted);
      return addressIn(ip, pool.subnet);
    }),
  );
}

function takeLease(
  tx: StateTransaction,
  id: PoolId,
  purpose: AddressPurpose,
  wanted: Ip | undefined,
): Allocation {
  const pool = requirePool(tx, id);
  const lease = wanted === undefined ? undefined : tx.lease(id, wanted);
  if (lease !== undefined) throw takenError(tx, pool, wanted as Ip, lease.kind);
  const taken = allocate(pool, tx.nodes(id), {
    kind: purpose,
    ...(wanted === undefined ? {} : { address: wanted }),
  });
  tx.putPool(taken.pool);
  tx.putLease({ pool: id, ip: taken.ip, kind: purpose, createdAt: nowSeconds() });
  return taken;
}

/**
 * Gives an address back. An unknown one is success. An endpoint that still has it is dead, since an engine deletes the
 * endpoint first: its deletion was lost.
 */
export async function releaseAddress(context: Context, id: PoolId, ip: Ip): Promise<void> {
  const dead = context.state.read((view) =>
    view.networks().flatMap((network) => {
      const owner = network.pools.includes(id) ? view.addressOwner(network.id, ip) : undefined;
      return owner === undefined ? [] : [{ network: network.id, endpoint: owner }];
    }),
  );
  for (const { network, endpoint } of dead) {
    context.log.warn('endpoint ends: its address was released', { network, endpoint });
    await deleteEndpoint(context, network, endpoint);
  }
  await context.state.transact((tx) => freeLease(tx, id, ip));
}

/**
 * Marks addresses that the user reserved for other machines as such, so that they outlive a reboot. Until a network is
 * created an engine's request for them looks like any other.
 */
export function keepAuxiliaryAddresses(
  tx: StateTransaction,
  pools: readonly PoolId[],
  reserved: readonly Ip[],
): void {
  for (const pool of pools) {
    for (const ip of reserved) {
      if (tx.lease(pool, ip)?.kind === 'endpoint') tx.putLease({ pool, ip, kind: 'auxiliary' });
    }
  }
}

function takenError(view: StateView, pool: Pool, ip: Ip, kind: string): TsnetError {
  const network = view.networks().find(({ pools }) => pools.includes(pool.id));
  const owner = network === undefined ? undefined : view.addressOwner(network.id, ip);
  const endpoint =
    network === undefined || owner === undefined ? undefined : view.endpoint(network.id, owner);
  const container = endpoint?.container?.name ?? endpoint?.container?.id ?? '';
  const holder =
    kind === 'gateway'
      ? 'the gateway'
      : kind === 'auxiliary'
        ? 'a reserved address'
        : owner === undefined
          ? 'a lease without a container'
          : `container ${container === '' ? `of endpoint ${shortId(owner)}` : printable(container)}`;
  const where = network?.name === undefined ? pool.subnet : `network ${network.name}`;
  return new TsnetError('conflict', `address ${ip} is already in use as ${holder} of ${where}`, {
    subject: ip,
    hint:
      kind === 'endpoint' && owner === undefined
        ? 'no container has it any more, or it is in creation: tsnet gc'
        : 'choose another address, or none; tsnet ps shows who has which',
  });
}

function forgetIdlePools(tx: StateTransaction, request: PoolRequest): void {
  const bound = new Set(tx.networks().flatMap(({ pools }) => pools));
  for (const pool of tx.pools()) {
    const isSame = pool.space === request.space && pool.subnet === request.subnet;
    if (isSame && !bound.has(pool.id) && !tx.leases(pool.id).some(({ kind }) => kind === 'endpoint')) {
      tx.deletePool(pool.id);
    }
  }
}

/** What the host reaches by a route of its own, the default route left out. */
export async function readHostRoutes({ kernel }: Context): Promise<Subnet[]> {
  const routes = await kernel.rtnetlink.listRoutes({});
  return routes.flatMap(({ destination }) => (destination === undefined ? [] : [destination]));
}
