import type { Ip, IpFamily } from './ip.ts';
import { invalid } from './errors.ts';
import type { IfName, NetworkId, PoolId } from './names.ts';
import type { Subnet } from './subnet.ts';

/** One range of a network with the address its containers use as gateway. */
export interface NetworkSubnet {
  readonly subnet: Subnet;
  /** The bridge's own address; absent in networks without a gateway. */
  readonly gateway?: Ip;
}

/** Who asked for a network: the only one who may ask for its end. */
export type NetworkOrigin = 'docker' | 'cli';

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
  readonly subnets: readonly NetworkSubnet[];
  /** The pools that this network gives addresses from, where tsnet's own IPAM is used. */
  readonly pools: readonly PoolId[];
  /** Options as the user wrote them. */
  readonly options: Readonly<Record<string, string>>;
  /** Seconds since 1970. */
  readonly createdAt: number;
}

/** The first gateway of a family, if the network has one. */
export function gatewayOf(network: Network, family: IpFamily): Ip | undefined {
  return network.subnets.find(
    ({ gateway }) => gateway !== undefined && gateway.includes(':') === (family === 6),
  )?.gateway;
}

/** Reads an MTU in bytes. Source: RFC 791 (68), Linux ETH_MAX_MTU (65535). @throws invalid-input */
export function parseMtu(value: unknown, field = 'mtu'): number {
  const number = typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 68 || number > 65535) {
    throw invalid(field, value, 'a number of bytes from 68 to 65535');
  }
  return number;
}
