import type { Ip, PoolId } from '../model/index.ts';

/**
 * What an address was taken for: a network's gateway, something outside the engine (`--aux-address`), or an endpoint.
 * Gateways and auxiliary addresses belong to a network and live as long; an endpoint's address ends with the boot.
 */
export type LeaseKind = 'gateway' | 'auxiliary' | 'endpoint';

/** An address that was handed out. */
export interface Lease {
  readonly pool: PoolId;
  readonly ip: Ip;
  readonly kind: LeaseKind;
  /** Who has it, where it is known: an engine that asks for an address does not say for whom. */
  readonly owner?: string;
  /** Seconds since 1970; absent in leases of older versions. */
  readonly createdAt?: number;
}

/** Which lease it is. */
export type LeaseReference = Pick<Lease, 'pool' | 'ip'>;
