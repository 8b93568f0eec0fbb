import type { Ip, IpFamily } from './ip.ts';
import type { Mac } from './mac.ts';
import type { EndpointId, IfName, NetworkId, PoolId } from './names.ts';
import type { Port, PortRange, Protocol } from './port.ts';
import type { Shaping } from './shaping.ts';
import type { Address, Subnet } from './subnet.ts';

/** Where the far end of an endpoint's veth lives. */
export interface Sandbox {
  /** Path of the network namespace, as an engine or a CNI runtime names it. */
  readonly path: string;
  /** Present where tsnet itself brings the interface into the sandbox; absent where an engine does. */
  readonly placement?: Placement;
}

/** How an interface is set up in its sandbox where no engine does it. */
export interface Placement {
  /** The identity of the namespace, `device:inode`: its path may lead to another one by the time it is used again. */
  readonly netns: string;
  readonly routes: readonly SandboxRoute[];
  /** Whether IPv6 addresses wait until it is known that nobody else has them, which takes one to two seconds. */
  readonly detectsDuplicates?: true;
  /** Whether it is left down, for the container to set up. */
  readonly staysDown?: true;
}

/** A route through an interface in a sandbox. */
export interface SandboxRoute {
  /** `0.0.0.0/0` or `::/0` for the default route. */
  readonly destination: Subnet;
  /** Absent: the destination is reached on the link itself. */
  readonly gateway?: Ip;
  /** Lower is preferred; absent leaves the kernel's default, 0 for IPv4 and 1024 for IPv6. */
  readonly metric?: number;
  /** In bytes. */
  readonly mtu?: number;
  /** Absent: 254, the main table. */
  readonly table?: number;
}

/** The container that an endpoint belongs to, as its runtime names it. */
export interface ContainerRef {
  readonly id: string;
  readonly name?: string;
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
  /** The name of the other end: until an engine moves and renames it, or in the sandbox where tsnet places it. */
  readonly containerLink: IfName;
  /** Present from Join to Leave. */
  readonly sandbox?: Sandbox;
  /** Where a runtime told it. */
  readonly container?: ContainerRef;
  /** What other sandboxes of the network find it by, beside its container's name. */
  readonly aliases?: readonly string[];
  /** The pools that its addresses were taken from together with it, and go back to with it. */
  readonly leasedFrom?: readonly PoolId[];
  /** In each direction instead of what the network says. */
  readonly shaping?: Shaping;
  /** Present while the endpoint provides its container's external connectivity. */
  readonly ports: readonly PortBinding[];
  /** Those that another attachment of the container publishes until it ends. */
  readonly waitingPorts?: readonly PortRequest[];
  /** Whether another attachment of the container waits for ports of this one. */
  readonly isAwaited?: true;
  /** Present where the network is routed or trusts an interface. */
  readonly openPorts?: readonly OpenEndpointPort[];
  /** Seconds since 1970. */
  readonly createdAt: number;
}
