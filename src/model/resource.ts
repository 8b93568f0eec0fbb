import type { SandboxRoute } from './endpoint.ts';
import type { Ip, IpFamily } from './ip.ts';
import type { Mac } from './mac.ts';
import type { IfName } from './names.ts';
import type { Port, Protocol } from './port.ts';
import type { RateLimit } from './shaping.ts';
import type { Address, Subnet } from './subnet.ts';

/**
 * Whose a resource is: `network:<id>`, `endpoint:<id>`, or `host` for what is only ensured. Written into the kernel as
 * interface alias or element comment, so that what is ours is found by its mark and never by its shape.
 */
export type Owner = `network:${string}` | `endpoint:${string}` | 'host';

/** What the end of an endpoint's veth in the bridge is called, before a part of the endpoint's id. */
export const hostLinkPrefix = 'tsv-';

/** The group of links (ip-link(8)) whose frames the bridge passes to other ports only if they are IPv4 or IPv6. */
export const ipOnlyGroup = 0x7473;

/** Of a veth that tsnet has made and not marked yet: its process was killed in between, or is about to. */
export const unfinishedOwner: Owner = 'endpoint:unfinished';

/** Whether what was found belongs to the owner of what is wanted in its place. */
export function belongsTo(owner: Owner, found: Owner): boolean {
  return found === owner || (found === unfinishedOwner && owner.startsWith('endpoint:'));
}

/** A Linux bridge. */
export interface BridgeLink {
  readonly kind: 'bridge';
  readonly name: IfName;
  /** Fixed, because a bridge without one takes the lowest of its ports and changes with them. */
  readonly mac: Mac;
  readonly mtu?: number;
  /** Frames between its ports pass the firewall, as br_netfilter makes them. Absent: left to the host's setting. */
  readonly filtersFrames?: true;
  /** In an observation: it is set down. */
  readonly isDown?: true;
  /** `host`: made by others, only used, and never changed or removed. */
  readonly owner: Owner;
}

/** The far end of a veth as it is set up in its sandbox, where no engine does it. It comes and goes with the veth. */
export interface SandboxInterface {
  readonly kind: 'sandbox-interface';
  /** The end of the pair that is in the bridge. */
  readonly hostLink: IfName;
  readonly name: IfName;
  /** Path and identity (`device:inode`) of the namespace it is in. */
  readonly sandbox: { readonly path: string; readonly netns: string };
  readonly addresses: readonly Address[];
  readonly routes: readonly SandboxRoute[];
  /** Whether IPv6 addresses wait for duplicate address detection. */
  readonly detectsDuplicates?: true;
  /** Whether it tells its neighbours its MAC address, which does not follow from its addresses. */
  readonly announces?: true;
  /** Whether it is left down, for the container to set up. */
  readonly staysDown?: true;
  /** In an observation: it is set down. */
  readonly isDown?: true;
  readonly owner: Owner;
}

/** A pair of interfaces, one end in a bridge. */
export interface VethLink {
  readonly kind: 'veth';
  /** The end in the bridge. */
  readonly name: IfName;
  readonly bridge: IfName;
  /**
   * The end for the container, made in the namespace at `netns` or else on the host; `elsewhere` in an observation once
   * it is in its sandbox.
   */
  readonly peer: { readonly name: IfName; readonly mac: Mac; readonly netns?: string } | 'elsewhere';
  /** Whether it exchanges frames with the bridge only, not with other ports that are isolated as well. */
  readonly isIsolated: boolean;
  /** Whether a frame may leave by it that came from it. */
  readonly hairpins?: true;
  /** Whether only IPv4 and IPv6 pass from it to other ports, where the bridge has a `FrameFilter`. */
  readonly passesIpOnly?: true;
  readonly mtu?: number;
  readonly owner: Owner;
}

/** An interface that what comes from a container passes, so that it can be made to wait. */
export interface IfbLink {
  readonly kind: 'ifb';
  readonly name: IfName;
  /** In an observation: it is set down. */
  readonly isDown?: true;
  readonly owner: Owner;
}

/** How fast the container behind a veth may be, in one direction or both. */
export interface LinkShaping {
  readonly kind: 'shaping';
  /** The end of the veth that is in the bridge. */
  readonly link: IfName;
  /** What the container sends goes through this one, where that is limited. */
  readonly ifb: IfName;
  /** Towards the container. */
  readonly ingress?: Required<RateLimit>;
  /** From the container. */
  readonly egress?: Required<RateLimit>;
  /** In an observation: what the container sends is redirected to an interface that is not as it should be. */
  readonly dropsEgress?: true;
  readonly owner: Owner;
}

/** An address on an interface of the host. */
export interface AddressOn {
  readonly kind: 'address';
  readonly link: IfName;
  readonly address: Address;
  readonly owner: Owner;
}

/**
 * The route by which the host reaches the neighbours of an address of its own. The kernel makes it with the address and
 * takes it away with it; only ensured in between, because other addresses of the link may stand on the same route.
 */
export interface ConnectedRoute {
  readonly kind: 'route';
  readonly link: IfName;
  readonly destination: Subnet;
  /** What connections by this route come from: the address. */
  readonly source: Ip;
  readonly owner: 'host';
}

/** A kernel setting below `/proc/sys/net`. Only ever ensured, never taken back: others may rely on it. */
export interface SysctlSetting {
  readonly kind: 'sysctl';
  /** Such as `ipv4/ip_forward`, relative to `/proc/sys/net`. */
  readonly path: string;
  readonly value: string;
  readonly owner: 'host';
}

/** How a network's traffic is filtered and translated, in the words of the network. */
export interface NetworkRules {
  readonly kind: 'network-rules';
  readonly bridge: IfName;
  readonly subnets: readonly Subnet[];
  readonly isInternal: boolean;
  readonly allowsIcc: boolean;
  readonly masquerades: boolean;
  /** Families in which published ports answer at the container's own address and nothing is masqueraded. */
  readonly routed?: readonly IpFamily[];
  /** Families in which every port answers at the container's own address. */
  readonly unprotected?: readonly IpFamily[];
  /** What connections leave with instead of the address that the route gives them, at most one of each family. */
  readonly hostSources?: readonly Ip[];
  /** Interfaces from which published ports answer at the container's own address. */
  readonly trustedInterfaces?: readonly IfName[];
  /** Whether a `SourceGuard` on each of its ports can work: the kernel has what it stands on. */
  readonly antispoofs?: true;
  readonly owner: Owner;
}

/** A container port that answers at the container's own address, where the rules of its network let others ask there. */
export interface OpenPort {
  readonly kind: 'open-port';
  readonly bridge: IfName;
  readonly protocol: Protocol;
  readonly target: Ip;
  readonly targetPort: Port;
  readonly owner: Owner;
}

/** The addresses that a port of a bridge may send from; frames from others are dropped before the bridge sees them. */
export interface SourceGuard {
  readonly kind: 'source-guard';
  /** The port: the end of a veth that is in the bridge. */
  readonly link: IfName;
  readonly mac: Mac;
  readonly addresses: readonly Ip[];
  readonly owner: Owner;
}

/** Lets only IPv4 and IPv6, which the firewall for IP judges, pass from those ports of a bridge that want it so. */
export interface FrameFilter {
  readonly kind: 'frame-filter';
  readonly bridge: IfName;
  readonly owner: Owner;
}

/** One way from a host port to a container port, for one address family. */
export interface PublishedPort {
  readonly kind: 'published-port';
  readonly family: 4 | 6;
  readonly protocol: Protocol;
  /** Absent: every address of the host. */
  readonly hostIp?: Ip;
  readonly hostPort: Port;
  readonly target: Ip;
  readonly targetPort: Port;
  readonly owner: Owner;
}

/** What tsnet makes in a kernel; the same type for what is desired and what was observed. */
export type Resource =
  | BridgeLink
  | VethLink
  | SandboxInterface
  | IfbLink
  | LinkShaping
  | AddressOn
  | ConnectedRoute
  | SysctlSetting
  | NetworkRules
  | PublishedPort
  | OpenPort
  | SourceGuard
  | FrameFilter;

/** The identity of a resource in its namespace: two resources with one key can't both exist. */
export function keyOf(resource: Resource): string {
  switch (resource.kind) {
    case 'bridge':
    case 'veth':
    case 'ifb':
      return `link:${resource.name}`;
    case 'sandbox-interface':
      return `sandbox:${resource.hostLink}`;
    case 'shaping':
      return `shaping:${resource.link}`;
    case 'address':
      return `address:${resource.link}:${resource.address}`;
    case 'route':
      return `route:${resource.link}:${resource.destination}`;
    case 'sysctl':
      return `sysctl:${resource.path}`;
    case 'network-rules':
      return `rules:${resource.bridge}`;
    case 'published-port':
      return `port:${resource.family}:${resource.protocol}:${resource.hostIp ?? '*'}:${resource.hostPort}`;
    case 'open-port':
      return `open:${resource.bridge}:${resource.protocol}:${resource.target}:${resource.targetPort}`;
    case 'source-guard':
      return `guard:${resource.link}`;
    case 'frame-filter':
      return `frames:${resource.bridge}`;
  }
}

/** A resource as one line in the style of iproute2, without its owner. */
export function formatResource(resource: Resource): string {
  switch (resource.kind) {
    case 'bridge':
      if (resource.owner === 'host') return `link ${resource.name} type bridge adopted`;
      return (
        `link ${resource.name} type bridge address ${resource.mac}${formatMtu(resource.mtu)}` +
        (resource.filtersFrames === true ? ' nf_call_iptables 1 nf_call_ip6tables 1' : '')
      );
    case 'veth':
      return (
        `link ${resource.name} type veth peer ${formatPeer(resource.peer)}` +
        ` master ${resource.bridge}${resource.isIsolated ? ' isolated' : ''}` +
        `${resource.passesIpOnly === true ? ` group ${ipOnlyGroup}` : ''}${formatMtu(resource.mtu)}`
      );
    case 'sandbox-interface':
      return (
        `interface ${resource.name} in ${resource.sandbox.path} addresses ${resource.addresses.join(',') || 'none'}` +
        resource.routes.map((route) => ` route ${formatRoute(route)}`).join('') +
        (resource.detectsDuplicates === true ? ' dad' : '') +
        (resource.isDown === true ? ' down' : '')
      );
    case 'ifb':
      return `link ${resource.name} type ifb`;
    case 'shaping':
      return (
        `shaping dev ${resource.link}${formatLimit('ingress', resource.ingress)}` +
        `${formatLimit('egress', resource.egress)}${resource.egress === undefined ? '' : ` through ${resource.ifb}`}` +
        (resource.dropsEgress === true ? ' drops egress' : '')
      );
    case 'address':
      return `address ${resource.address} dev ${resource.link}`;
    case 'route':
      return `route ${resource.destination} dev ${resource.link} src ${resource.source}`;
    case 'sysctl':
      return `sysctl net/${resource.path} = ${resource.value}`;
    case 'network-rules': {
      const flags = [
        resource.isInternal ? 'internal' : '',
        resource.allowsIcc ? 'icc' : '',
        resource.masquerades ? 'masquerade' : '',
        ...(resource.routed ?? []).map((family) => `routed${family}`),
        ...(resource.unprotected ?? []).map((family) => `unprotected${family}`),
        ...(resource.hostSources ?? []).map((ip) => `source ${ip}`),
        ...(resource.trustedInterfaces ?? []).map((name) => `trusts ${name}`),
        resource.antispoofs === true ? 'antispoof' : '',
      ].filter((flag) => flag !== '');
      return `rules dev ${resource.bridge} subnets ${resource.subnets.join(',') || 'none'} ${flags.join(' ')}`.trimEnd();
    }
    case 'published-port': {
      const host = bracketed(resource.hostIp ?? (resource.family === 4 ? '0.0.0.0' : '::'));
      return `port ${resource.protocol} ${host}:${resource.hostPort} to ${bracketed(resource.target)}:${resource.targetPort}`;
    }
    case 'open-port':
      return `port ${resource.protocol} ${bracketed(resource.target)}:${resource.targetPort} open dev ${resource.bridge}`;
    case 'source-guard':
      return `guard dev ${resource.link} address ${resource.mac} sources ${resource.addresses.join(',') || 'none'}`;
    case 'frame-filter':
      return `frames dev ${resource.bridge} ip,ip6 only`;
  }
}

function formatPeer(peer: VethLink['peer']): string {
  if (peer === 'elsewhere') return 'in another namespace';
  return `${peer.name} address ${peer.mac}${peer.netns === undefined ? '' : ` in ${peer.netns}`}`;
}

function formatRoute({ destination, gateway, metric, mtu, table }: SandboxRoute): string {
  const part = (word: string, value: string | number | undefined) =>
    value === undefined ? '' : ` ${word} ${value}`;
  return `${destination}${part('via', gateway)}${part('metric', metric)}${part('mtu', mtu)}${part('table', table)}`;
}

function formatLimit(direction: string, limit: Required<RateLimit> | undefined): string {
  return limit === undefined ? '' : ` ${direction} rate ${limit.rate}bit burst ${limit.burst}bit`;
}

function formatMtu(mtu: number | undefined): string {
  return mtu === undefined ? '' : ` mtu ${mtu}`;
}

function bracketed(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}

/** One resource for each key, the last where there are several. */
export function uniqueByKey(resources: readonly Resource[]): Resource[] {
  return [...new Map(resources.map((resource) => [keyOf(resource), resource])).values()];
}
