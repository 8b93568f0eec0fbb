import type { Mac } from '../../model/mac.ts';
import { Attributes, malformed } from './attributes.ts';

/** A network interface as the kernel describes it. */
export interface Link {
  readonly index: number;
  /** Any bytes but `/`, `:` and white space: others choose names too. */
  readonly name: string;
  /** What the interface is, such as `veth` or `bridge`; absent for hardware and loopback. */
  readonly kind: string | undefined;
  /** IFF_*. Source: netdevice(7). */
  readonly flags: number;
  /** Whether it was set up. */
  readonly isUp: boolean;
  /** Whether it is up and can carry packets. */
  readonly isRunning: boolean;
  readonly mtu: number;
  /** Absent for links without hardware addresses of 6 bytes, such as tunnels. */
  readonly mac: Mac | undefined;
  /** What `ip link set … alias` gave it: tsnet's mark, on its own links. */
  readonly alias: string | undefined;
  /** The bridge, bond or VRF that it belongs to. */
  readonly masterIndex: number | undefined;
  /** The other end of a veth, or the interface below a VLAN, macvlan or ipvlan; in namespace `peerNsid`. */
  readonly peerIndex: number | undefined;
  /** The id of the peer's namespace here; absent when it is this one. */
  readonly peerNsid: number | undefined;
  readonly group: number;
  /** RFC 2863 state: `up`, `down`, `lower-layer-down`, `unknown`, … */
  readonly operState: OperState;
  /** Present on bridges. */
  readonly bridge: BridgeAttributes | undefined;
  /** Present on ports of a bridge. */
  readonly bridgePort: BridgePortAttributes | undefined;
}

/** Source: `linux/if.h`, IF_OPER_*. */
export type OperState = (typeof operStates)[number];

const operStates = [
  'unknown',
  'not-present',
  'down',
  'lower-layer-down',
  'testing',
  'dormant',
  'up',
] as const;

/** How a bridge works. Source: ip-link(8), type bridge. */
export interface BridgeAttributes {
  readonly stp: boolean;
  readonly vlanFiltering: boolean;
  readonly multicastSnooping: boolean;
  /** How long an address that was learned is kept, in seconds. */
  readonly ageingSeconds: number;
  readonly forwardDelaySeconds: number;
  /** Whether its packets go through iptables, whatever the sysctl says. */
  readonly callsIptables: boolean;
  readonly callsIp6tables: boolean;
}

/** How a port of a bridge works. Source: ip-link(8), bridge_slave. */
export interface BridgePortAttributes {
  readonly state: BridgePortState;
  /** Whether packets may leave by the port they came from. */
  readonly hairpin: boolean;
  /** Whether it is kept from talking to other isolated ports. */
  readonly isolated: boolean;
  readonly learning: boolean;
  readonly flooding: boolean;
  readonly neighbourSuppression: boolean;
}

/** Source: `linux/if_bridge.h`, BR_STATE_*. */
export type BridgePortState = (typeof bridgePortStates)[number];

const bridgePortStates = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'] as const;

/** Bytes of struct ifinfomsg. Source: rtnetlink(7). */
export const linkHeaderLength = 16;

/** IFLA_*. Source: `linux/if_link.h`. */
export const linkAttributes = {
  address: 1,
  name: 3,
  mtu: 4,
  link: 5,
  master: 10,
  operState: 16,
  linkInfo: 18,
  alias: 20,
  group: 27,
  netnsDescriptor: 28,
  extendedMask: 29,
  linkNetnsId: 37,
} as const;

/** IFLA_INFO_*. Source: `linux/if_link.h`. */
export const linkInfo = { kind: 1, data: 2, slaveKind: 4, slaveData: 5 } as const;

/** IFLA_BRPORT_*. Source: `linux/if_link.h`. */
export const portAttributes = {
  state: 1,
  mode: 4,
  learning: 8,
  unicastFlood: 9,
  neighbourSuppression: 32,
  isolated: 33,
} as const;

/** IFLA_BR_*. Source: `linux/if_link.h`. */
export const bridgeAttributes = {
  forwardDelay: 1,
  ageingTime: 4,
  stpState: 5,
  vlanFiltering: 7,
  multicastSnooping: 23,
  callIptables: 36,
  callIp6tables: 37,
} as const;

/** Source: `linux/if.h`. */
export const linkFlags = { up: 0x1, running: 0x40 } as const;

/** USER_HZ, in which the kernel tells times of bridges. Source: time(7). */
const clockTicksPerSecond = 100;

/** The attributes in the body of RTM_NEWLINK. @throws kernel when it is malformed */
export function attributesOfLink(body: Buffer): Attributes {
  if (body.length < linkHeaderLength) throw malformed('a link is too short');
  return new Attributes(body, linkHeaderLength);
}

/**
 * Reads the body of RTM_NEWLINK or RTM_DELLINK.
 *
 * @param attributes its own, where somebody else reads them, too
 * @throws kernel when it is malformed
 */
export function decodeLink(body: Buffer, attributes = attributesOfLink(body)): Link {
  const info = attributes.nested(linkAttributes.linkInfo);
  const kind = info?.string(linkInfo.kind);
  const flags = body.readUInt32LE(8);
  return {
    index: body.readInt32LE(4),
    name: attributes.string(linkAttributes.name) ?? '',
    kind,
    flags,
    isUp: (flags & linkFlags.up) !== 0,
    isRunning: (flags & linkFlags.running) !== 0,
    mtu: attributes.u32(linkAttributes.mtu) ?? 0,
    mac: attributes.mac(linkAttributes.address),
    alias: attributes.string(linkAttributes.alias),
    masterIndex: attributes.u32(linkAttributes.master),
    // An interface may name itself here (such as a tunnel) or nothing (0).
    peerIndex: attributes.u32(linkAttributes.link) || undefined,
    peerNsid: attributes.s32(linkAttributes.linkNetnsId),
    group: attributes.u32(linkAttributes.group) ?? 0,
    operState: operStates[attributes.u8(linkAttributes.operState) ?? 0] ?? 'unknown',
    bridge: kind === 'bridge' ? decodeBridge(info?.nested(linkInfo.data)) : undefined,
    bridgePort:
      info?.string(linkInfo.slaveKind) === 'bridge' ? decodePort(info.nested(linkInfo.slaveData)) : undefined,
  };
}

function decodeBridge(data: Attributes | undefined): BridgeAttributes | undefined {
  if (data === undefined) return undefined;
  return {
    stp: data.u32(bridgeAttributes.stpState) !== 0,
    vlanFiltering: data.u8(bridgeAttributes.vlanFiltering) === 1,
    multicastSnooping: data.u8(bridgeAttributes.multicastSnooping) === 1,
    ageingSeconds: (data.u32(bridgeAttributes.ageingTime) ?? 0) / clockTicksPerSecond,
    forwardDelaySeconds: (data.u32(bridgeAttributes.forwardDelay) ?? 0) / clockTicksPerSecond,
    callsIptables: data.u8(bridgeAttributes.callIptables) === 1,
    callsIp6tables: data.u8(bridgeAttributes.callIp6tables) === 1,
  };
}

function decodePort(data: Attributes | undefined): BridgePortAttributes | undefined {
  if (data === undefined) return undefined;
  return {
    state: bridgePortStates[data.u8(portAttributes.state) ?? 0] ?? 'disabled',
    hairpin: data.u8(portAttributes.mode) === 1,
    isolated: data.u8(portAttributes.isolated) === 1,
    learning: data.u8(portAttributes.learning) === 1,
    flooding: data.u8(portAttributes.unicastFlood) === 1,
    neighbourSuppression: data.u8(portAttributes.neighbourSuppression) === 1,
  };
}
