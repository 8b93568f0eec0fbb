import type { PortUser } from '../ipam/index.ts';
import type { EndpointId, NetworkId } from '../model/index.ts';

/** The endpoint that has a host port. */
export interface PortHolder extends PortUser {
  readonly network: NetworkId;
  readonly endpoint: EndpointId;
}
