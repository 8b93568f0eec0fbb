import { createHash } from 'node:crypto';
import { parseEndpointId, type EndpointId, type NetworkId } from '../../model/index.ts';

/** The id of an interface of a container in a network: the same at every call, and for no other. */
export function endpointIdOf(network: NetworkId, container: string, interfaceName: string): EndpointId {
  const hash = createHash('sha256').update([network, container, interfaceName].join('\0'));
  return parseEndpointId(hash.digest('hex'));
}
