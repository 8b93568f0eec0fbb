import type { EndpointId, NetworkId } from './names.ts';
import type { Ip } from './ip.ts';
import type { Subnet } from './subnet.ts';

/** What an engine has, as far as a network driver keeps something for it. */
export interface EngineUse {
  /** Tells this engine from every other, also from one that was copied with its configuration. */
  readonly engine: string;
  readonly networks: ReadonlySet<NetworkId>;
  readonly endpoints: ReadonlySet<EndpointId>;
  /** Addresses of containers and gateways, and those that users reserved. */
  readonly addresses: ReadonlySet<Ip>;
  /** Ranges of networks whose addresses come from a plugin, whatever their driver is. */
  readonly subnets: ReadonlySet<Subnet>;
}
