export { forgetLock, withLock } from './lock.ts';
export { readSandbox, type SandboxFacts } from './sandbox-facts.ts';
export type { Context, Logger } from './context.ts';
export {
  exhaustedSets,
  isWithin,
  leaseAddresses,
  leasedAddresses,
  keepAddressesOf,
  poolIdsOf,
  releaseAddresses,
  releaseIdlePools,
  type AddressLeaseRequest,
  type AddressSource,
  type LeasedAddress,
} from './attachment-leases.ts';
export { isHostNamespace, readBridge, readLinkMacs, type BridgeFacts } from './bridge-facts.ts';
export { addressAttachment } from './address-attachment.ts';
export { attach, checkEndpoint, detach, detachSeen, type AttachRequest } from './attach.ts';
export { leaseOwner } from './leases.ts';
export { createEndpoint, deleteEndpoint, join, type Attachment, type EndpointRequest } from './endpoints.ts';
export {
  createNetwork,
  deleteNetwork,
  isAsRequested,
  type CreateOptions,
  type DeleteOptions,
  type NetworkRequest,
} from './networks.ts';
export { createOwnNetwork, type OwnNetworkRequest } from './own-network.ts';
export { sandboxLockName } from './stray-locks.ts';
export { findOrphans, sweepOrphans } from './sweep-orphans.ts';
export { settleInterrupted } from './interrupted.ts';
export {
  releaseAddress,
  releasePool,
  requestAddress,
  requestPool,
  type AddressPurpose,
  type Pool,
  type PoolRequest,
} from './pools.ts';
export { endDead } from './end-dead.ts';
export { endIdleNetworks } from './end-idle-networks.ts';
export { proposeSubnet } from './propose-subnet.ts';
export { publish, unpublish } from './ports.ts';
export { reachablePorts } from './reachable-ports.ts';
export { findDrift, formatDrift, recover, type Drift } from './recover.ts';
export { findDaemon, forgetDaemonLock, holdDaemonLock } from './daemon-lock.ts';
export { openContext, type FirewallChoice, type OpenContext, type Settings } from './open-context.ts';
export { watchKernel } from './watch.ts';
export { collectGarbage, findDeadEndpoints, inBoth, lookForGarbage, noteEngine } from './collect-garbage.ts';
export { findOwnPools, findUnclaimedPools, formatGarbage, type Garbage } from './find-garbage.ts';
