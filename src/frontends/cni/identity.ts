import { createHash } from 'node:crypto';
import type { EndpointId, NetworkId } from '../../model/index.ts';

/** The id of a CNI network's record, which is also the address space of its pools. */
export type CniNetworkId = NetworkId & `cni-${string}`;

// An id ends up in comments of rules and in names of files; a longer name is shortened and told from others by its hash.
const longestPlainName = 40;

/** The id of the record of a network. Names of networks are unique on a host, and so are these. */
export function networkIdOf(name: string): CniNetworkId {
  const part = name.length <= longestPlainName ? name : `${name.slice(0, 27)}-${digest([name]).slice(0, 16)}`;
  return `cni-${part}` as CniNetworkId;
}

/**
 * The id of an attachment: one network may be attached to one container several times, under several names. So all
 * three count.
 */
export function endpointIdOf(network: string, containerId: string, ifName: string): EndpointId {
  return digest([network, containerId, ifName]) as EndpointId;
}

/** What the addresses of an attachment are found by. */
export function leaseOwnerOf(id: EndpointId): string {
  return `attachment:${id}`;
}

function digest(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
