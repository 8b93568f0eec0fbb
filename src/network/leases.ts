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
