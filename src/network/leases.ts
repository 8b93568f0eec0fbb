import { release, type Pool } from '../ipam/index.ts';
import { TsnetError, type EndpointId, type Ip, type PoolId } from '../model/index.ts';
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

/** What the lease of an address says of an endpoint that took it by itself. */
export function leaseOwner(id: EndpointId): string {
  return `${ownerPrefix}${id}`;
}

const ownerPrefix = 'endpoint:';

/** Whether an address was taken by an endpoint, in one with it. */
export function isOfEndpoint(owner: string): boolean {
  return owner.startsWith(ownerPrefix);
}

/** Gives back what endpoints took by themselves that are recorded no more: what taking an operation back leaves. */
export function freeOrphanedLeases(tx: StateTransaction): void {
  const owned = tx.leases().filter(({ owner = '' }) => isOfEndpoint(owner));
  if (owned.length === 0) return;
  const living = new Set(tx.endpoints().map(({ id }) => leaseOwner(id)));
  for (const { pool, ip, owner = '' } of owned) if (!living.has(owner)) freeLease(tx, pool, ip);
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
