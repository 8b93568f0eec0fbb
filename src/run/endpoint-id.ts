import { createHash } from 'node:crypto';
import type { EndpointId, NetworkId, SandboxId } from '../model/index.ts';

/** The endpoint of a sandbox in a network: 64 hexadecimal digits that belong to the two, so that nobody has to remember them. */
export function endpointIdOf(sandbox: SandboxId, network: NetworkId): EndpointId {
  return createHash('sha256').update(`${sandbox}/${network}`).digest('hex') as EndpointId;
}
