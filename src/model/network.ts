import type { Ip, IpFamily } from './ip.ts';
import { invalid } from './errors.ts';
import type { IfName, NetworkId, PoolId } from './names.ts';
import type { Shaping } from './shaping.ts';
import type { Address, Subnet } from './subnet.ts';

/** One range of a network with the address its containers use as gateway. */
export interface NetworkSubnet {
  readonly subnet: Subnet;
  /** The bridge's own address; absent in networks without a gateway. */
  readonly gateway?: Ip;
}

/**
 * How the containers of a network and the world outside reach each other in one address family.
 *
 * - `nat`: out with an address of the host, in through published ports of the host
 * - `nat-unprotected`: the same, and besides every port answers at the container's own address
 * - `routed`: nothing is translated; published ports, and only they, answer at the container's own address
 * - `isolated`: not at all, and not even the host has an address in the network
 */
export type GatewayMode = 'nat' | 'nat-unprotected' | 'routed' | 'isolated';

/** Every gateway mode. */
export const gatewayModes: readonly GatewayMode[] = ['nat', 'nat-unprotected', 'routed', 'isolated'];

/** A bridge that others made and a network only uses. */
export interface AdoptedBridge {
  /** The network's gateway addresses that it had before; what was there is never taken away. */
  readonly addresses: readonly Address[];
}

/** Who asked for a network: the only one who may ask for its end. */
export type NetworkOrigin = 'docker' | 'cli' | 'cni' | 'netavark';

/** A network as it was decided: what survives a reboot. */
export interface Network {
  readonly id: NetworkId;
  /** The user's name, where it is known: an engine does not tell it. */
  readonly name?: string;
  readonly origin: NetworkOrigin;
  /** The Linux bridge that is the network. */
  readonly bridge: IfName;
  /** In bytes; absent leaves the kernel's default. */
  readonly mtu?: number;
  /** No way in or out: no masquerade, no forwarding, no published ports. */
  readonly isInternal: boolean;
  /** Whether containers of the network may talk to each other. */
  readonly allowsIcc: boolean;
  /** Whether connections that leave get the host's address. */
  readonly masquerades: boolean;
  /** What interfaces of this network are called in a container, before their number; absent means `eth`. */
  readonly interfacePrefix?: string;
  /** Host addresses that `-p 8080:80`, written without one, stands for; absent means all. */
  readonly hostBindings?: readonly Ip[];
  /** Absent means `nat`. */
  readonly gatewayMode4?: GatewayMode;
  readonly gatewayMode6?: GatewayMode;
  /** Whether the bridge goes without IPv4 address, because somebody else has the gateway's. */
  readonly inhibitsIpv4?: boolean;
  /** The host's addresses that connections leave with, at most one of each family; absent lets the route choose. */
  readonly hostSources?: readonly Ip[];
  /** Interfaces from which published ports answer at the container's own address as well. */
  readonly trustedInterfaces?: readonly IfName[];
  /** Whether containers may send from their own addresses only. */
  readonly antispoofs?: boolean;
  /** Whether a frame may leave by the port that it came from; absent: where the bridge is the gateway. */
  readonly hairpins?: boolean;
  /** How fast each of its containers may be, where nothing else is said of it. */
  readonly shaping?: Shaping;
  /** Present if the bridge is not ours. */
  readonly adopted?: AdoptedBridge;
  readonly subnets: readonly NetworkSubnet[];
  /** The pools that this network gives addresses from, where tsnet's own IPAM is used. */
  readonly pools: readonly PoolId[];
  /** Options as the user wrote them. */
  readonly options: Readonly<Record<string, string>>;
  /** Which engine was seen to have it: the only one whose word counts when it says that it has not. */
  readonly engine?: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
}

/** The first gateway of a family, if the network has one. */
export function gatewayOf(network: Network, family: IpFamily): Ip | undefined {
  return network.subnets.find(
    ({ gateway }) => gateway !== undefined && gateway.includes(':') === (family === 6),
  )?.gateway;
}

/** The gateway mode of a family. */
export function gatewayModeOf(
  network: Pick<Network, 'gatewayMode4' | 'gatewayMode6'>,
  family: IpFamily,
): GatewayMode {
  return (family === 4 ? network.gatewayMode4 : network.gatewayMode6) ?? 'nat';
}

/** Reads an MTU in bytes. Source: RFC 791 (68), Linux ETH_MAX_MTU (65535). @throws invalid-input */
export function parseMtu(value: unknown, field = 'mtu'): number {
  const number = typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 68 || number > 65535) {
    throw invalid(field, value, 'a number of bytes from 68 to 65535');
  }
  return number;
}
