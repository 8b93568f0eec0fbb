export type { NodeStore } from './address-tree.ts';
export { allocate, hasFree, release, type AddressRequest, type Allocation } from './allocate.ts';
export { defaultRanges, type DefaultRange } from './default-ranges.ts';
export {
  chooseHostPort,
  defaultDynamicPorts,
  holderOf,
  shareAddress,
  type HostPorts,
  type PortUser,
  type PortUsers,
} from './host-ports.ts';
export type { Lease, LeaseKind, LeaseReference } from './lease.ts';
export {
  parsePoolId,
  poolIdOf,
  type AddressRange,
  type AddressSpace,
  type Pool,
  type PoolParts,
} from './pool.ts';
export { requestPool, type PoolDefaults, type PoolRequest } from './request-pool.ts';
