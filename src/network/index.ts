export type { Context, Logger } from './context.ts';
export { attach, checkEndpoint, detach, type AttachRequest } from './attach.ts';
export { createEndpoint, deleteEndpoint, join, type Attachment, type EndpointRequest } from './endpoints.ts';
export {
  createNetwork,
  deleteNetwork,
  isAsRequested,
  type CreateOptions,
  type NetworkRequest,
} from './networks.ts';
export {
  releaseAddress,
  releasePool,
  requestAddress,
  requestPool,
  type AddressPurpose,
  type Pool,
  type PoolRequest,
} from './pools.ts';
export { publish, unpublish } from './ports.ts';
export { findDrift, formatDrift, recover, type Drift } from './recover.ts';
export { openContext, type FirewallChoice, type OpenContext, type Settings } from './open-context.ts';
export { watchKernel } from './watch.ts';
export { collectGarbage, findDeadEndpoints, inBoth, lookForGarbage, noteEngine } from './collect-garbage.ts';
export { formatGarbage, type Garbage } from './find-garbage.ts';
