import type { Ip, IpFamily } from './ip.ts';
import type { Mac } from './mac.ts';
import type { EndpointId, IfName, NetworkId } from './names.ts';
import type { Port, PortRange, Protocol } from './port.ts';
import type { Address } from './subnet.ts';

/** Where the far end of an endpoint's veth lives. */
export interface Sandbox {
  /** Path of the network namespace, as an engine or a CNI runtime names it. */
  readonly path: string;
}

/** A port of an endpoint that is reachable through the host. */
export interface PortBinding {
  readonly protocol: Protocol;
  /** The host address it answers on; absent means every one, `0.0.0.0` and `::` every one of their family. */
  readonly hostIp?: Ip;
  readonly hostPort: Port;
  readonly containerPort: Port;
}

/** A port of an endpoint that answers at the endpoint's own address, where no host port leads to it. */
export interface OpenEndpointPort {
  readonly family: IpFamily;
  readonly protocol: Protocol;
  readonly port: Port;
}

/** What a user asks for with `-p`, before a host port is chosen. */
export interface PortRequest {
  readonly protocol: Protocol;
  readonly hostIp?: Ip;
  /** One port, or any free one of a range; absent lets tsnet choose. */
  readonly hostPorts?: PortRange;
  readonly containerPort: Port;
}

/** The attachment of one container to one network, as it was decided. Lives no longer than the boot. */
export interface Endpoint {
  readonly id: EndpointId;
  readonly network: NetworkId;
  readonly mac: Mac;
  /** At most one of each family. */
  readonly addresses: readonly Address[];
  /** The end of the veth that stays in the bridge. */
  readonly hostLink: IfName;
  /** The name of the other end until it is moved and renamed. */
  readonly containerLink: IfName;
  /** Present from Join to Leave. */
  readonly sandbox?: Sandbox;
  /** Present while the endpoint provides its container's external connectivity. */
  readonly ports: readonly PortBinding[];
  /** Present where the network is routed or trusts an interface. */
  readonly openPorts?: readonly OpenEndpointPort[];
  /** Seconds since 1970. */
  readonly createdAt: number;
}
