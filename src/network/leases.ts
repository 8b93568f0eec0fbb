import { allocate, release, type AddressRequest, type Allocation, type Pool } from '../ipam/index.ts';
import { TsnetError, type EndpointId, type Ip, type NetworkId, type PoolId } from '../model/index.ts';
import type { StateTransaction, StateView } from '../state/index.ts';

/** The pool. @throws not-found */
export function requirePool(view: StateView, id: PoolId): Pool {
  const pool = view.pool(id);
  if (pool === undefined) {
    throw new TsnetError('not-found', `address pool ${id} is not known to tsnet`, {
      hint: 'its records were lost: remove the network and create it again',
    });
  }
  return pool;
}

/** Makes an address of a pool free. An unknown one is success. */
export function freeLease(tx: StateTransaction, id: PoolId, ip: Ip): void {
  const pool = tx.pool(id);
  if (pool === undefined || tx.lease(id, ip) === undefined) return;
  release(pool, tx.nodes(id), ip);
  tx.deleteLease(id, ip);
}

/**
 * Takes an address from a pool. One that an endpoint has without a lease is gone past, and gets its lease again: the next
 * free one is taken.
 *
 * @param network whose endpoints have addresses of the pool
 * @throws what `allocate` throws
 */
export function takeAddress(
  tx: StateTransaction,
  network: NetworkId,
  pool: Pool,
  request: AddressRequest,
): Allocation {
  for (let present = pool; ;) {
    const taken = allocate(present, tx.nodes(pool.id), request);
    const owner = request.address === undefined ? tx.addressOwner(network, taken.ip) : undefined;
    if (owner === undefined || tx.endpoint(network, owner) === undefined) return taken;
    tx.putLease({
      pool: pool.id,
      ip: taken.ip,
      kind: 'endpoint',
      owner: leaseOwner(owner),
      createdAt: nowSeconds(),
    });
    present = taken.pool;
  }
}

/** The time as records have it. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** What the lease of an address says of an endpoint that took it by itself. */
export function leaseOwner(id: EndpointId): string {
  return `${ownerPrefix}${id}`;
}

const ownerPrefix = 'endpoint:';

/** Whether an address was taken by an endpoint, in one with it. */
export function isOfEndpoint(owner: string): boolean {
  return owner.startsWith(ownerPrefix);
}

/**
 * What the first of several gives that is not exhausted.
 *
 * @param explain what to throw where all are exhausted, or there are none; absent, and where there is one only: its own error
 * @throws what `take` throws
 */
export function firstThatGives<T, R>(
  candidates: readonly T[],
  take: (candidate: T) => R,
  explain?: () => TsnetError,
): R {
  let exhausted: TsnetError | undefined;
  for (const candidate of candidates) {
    try {
      return take(candidate);
    } catch (error) {
      if (!(error instanceof TsnetError) || error.kind !== 'exhausted') throw error;
      exhausted = error;
    }
  }
  if (explain !== undefined && candidates.length !== 1) throw explain();
  throw exhausted ?? new TsnetError('bug', 'take from none');
}
