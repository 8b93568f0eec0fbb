import {
  addressIn,
  familyOf,
  familyOfRange,
  ipOf,
  gatewayModeOf,
  hostLinkPrefix,
  isUnspecified,
  linkLocalOf,
  macFor,
  macFromBytes,
  prefixOf,
  subnetOf,
  withBurst,
  type Address,
  type BridgeLink,
  type ConnectedRoute,
  type Endpoint,
  type FrameFilter,
  type IfbLink,
  type IfName,
  type Ip,
  type IpFamily,
  type LinkShaping,
  type Mac,
  type Network,
  type NetworkRules,
  type NetworkSubnet,
  type OpenPort,
  type Owner,
  type Placement,
  type PublishedPort,
  type RateLimit,
  type Resource,
  type SandboxInterface,
  type SourceGuard,
  type SysctlSetting,
  type VethLink,
} from '../model/index.ts';

/** What was decided about one network: the network, if it exists, and some or all of its endpoints. */
export interface Intent {
  readonly network: Network | undefined;
  readonly endpoints: readonly Endpoint[];
  /** Whether what passes between the ports of this host's bridges can be filtered; see `canFilterFrames`. */
  readonly canFilterFrames?: boolean;
  /** Whether the kernel knows no IPv6, and so none of its settings. */
  readonly lacksIpv6?: boolean;
}

/**
 * What the kernel should hold for an intent, in no particular order. The only place where it is decided: creating,
 * checking, repairing and removing all compare with this.
 */
export function desired(intent: Intent): Resource[] {
  const { network, canFilterFrames = false, lacksIpv6 = false } = intent;
  if (network === undefined) return [];
  return [
    ...networkResources(network, separationOf(network, canFilterFrames)),
    ...deafness(network, lacksIpv6),
    ...desiredOfEndpoints(intent),
  ];
}

/** The part of `desired` that is there for the endpoints. */
export function desiredOfEndpoints({ network, endpoints, canFilterFrames = false }: Intent): Resource[] {
  if (network === undefined) return [];
  const separation = separationOf(network, canFilterFrames);
  return endpoints.flatMap((endpoint) => endpointResources(network, endpoint, separation));
}

/** What keeps containers of one bridge apart. */
type Separation = 'none' | 'firewall' | 'ports';

/**
 * Isolated ports exchange nothing. Where the firewall can see their frames it is the better judge: it lets pass what was
 * translated for a published port, which the kernel then bridges from port to port; other than IP it sees nothing, which a
 * `FrameFilter` drops. A bridge of others is not changed.
 */
function separationOf({ allowsIcc, adopted }: Network, canFilterFrames: boolean): Separation {
  if (allowsIcc) return 'none';
  return canFilterFrames && adopted === undefined ? 'firewall' : 'ports';
}

function networkResources(network: Network, separation: Separation): Resource[] {
  const owner: Owner = `network:${network.id}`;
  const bridge: BridgeLink = {
    kind: 'bridge',
    name: network.bridge,
    mac: bridgeMac(network),
    ...(network.mtu === undefined || network.adopted !== undefined ? {} : { mtu: network.mtu }),
    ...(separation === 'firewall' ? { filtersFrames: true } : {}),
    owner: network.adopted === undefined ? owner : 'host',
  };
  const addresses = bridgeAddresses(network).map((address): Resource => {
    const isForeign = network.adopted?.addresses.includes(address) === true;
    return { kind: 'address', link: network.bridge, address, owner: isForeign ? 'host' : owner };
  });
  const frames: FrameFilter[] =
    separation === 'firewall' ? [{ kind: 'frame-filter', bridge: network.bridge, owner }] : [];
  return [
    bridge,
    ...sysctls(network),
    ...addresses,
    ...connectedRoutes(network),
    networkRules(network, owner),
    ...frames,
  ];
}

/** An address alone in its subnet has no neighbours. Source: Linux `fib_frontend.c`, fib_add_ifaddr. */
function connectedRoutes(network: Network): ConnectedRoute[] {
  return bridgeAddresses(network)
    .filter((address) => prefixOf(address) < (familyOfRange(address) === 4 ? 32 : 128))
    .map((address) => ({
      kind: 'route',
      link: network.bridge,
      destination: subnetOf(address),
      source: ipOf(address),
      owner: 'host',
    }));
}

/** The gateways, where the bridge itself is the gateway. */
export function bridgeAddresses(
  network: Pick<Network, 'subnets' | 'gatewayMode4' | 'gatewayMode6' | 'inhibitsIpv4'>,
): Address[] {
  return network.subnets.flatMap(({ subnet, gateway }: NetworkSubnet) => {
    const family = familyOfRange(subnet);
    const isElsewhere =
      gatewayModeOf(network, family) === 'isolated' || (family === 4 && network.inhibitsIpv4 === true);
    return gateway === undefined || isElsewhere ? [] : [addressIn(gateway, subnet)];
  });
}

/** What has no effect is left out, so that a back end need not keep it. */
function networkRules(network: Network, owner: Owner): NetworkRules {
  const isOpen = !network.isInternal;
  const families = ([4, 6] as const).filter((family) => isOpen && familiesOfNetwork(network).has(family));
  const inMode = (mode: string) => families.filter((family) => gatewayModeOf(network, family) === mode);
  const [routed, unprotected] = [inMode('routed'), inMode('nat-unprotected')];
  const sources = (network.hostSources ?? []).filter(
    (ip) => network.masquerades && families.includes(familyOf(ip)) && !routed.includes(familyOf(ip)),
  );
  const trusted = isOpen ? (network.trustedInterfaces ?? []) : [];
  return {
    kind: 'network-rules',
    bridge: network.bridge,
    subnets: network.subnets.map(({ subnet }) => subnet),
    isInternal: network.isInternal,
    allowsIcc: network.allowsIcc,
    masquerades: network.masquerades,
    ...(routed.length === 0 ? {} : { routed }),
    ...(unprotected.length === 0 ? {} : { unprotected }),
    ...(sources.length === 0 ? {} : { hostSources: sources }),
    ...(trusted.length === 0 ? {} : { trustedInterfaces: trusted }),
    ...(network.antispoofs === true ? { antispoofs: true } : {}),
    owner,
  };
}

function familiesOfNetwork(network: Network): ReadonlySet<IpFamily> {
  return new Set(network.subnets.map(({ subnet }) => familyOfRange(subnet)));
}

/**
 * Settings of our own bridge with which the host takes no way, prefix or address from a container. A bridge that others
 * made may lead to a router, and is left alone.
 *
 * A host that forwards no IPv4 takes redirects where either the link or all links may (Source: Linux `inetdevice.h`,
 * IN_DEV_RX_REDIRECTS): there the firewall drops them.
 */
function deafness({ bridge, adopted }: Network, lacksIpv6: boolean): SysctlSetting[] {
  if (adopted !== undefined) return [];
  const names = ['accept_ra', 'accept_redirects', 'autoconf'];
  return [
    `ipv4/conf/${bridge}/accept_redirects`,
    ...(lacksIpv6 ? [] : names.map((name) => `ipv6/conf/${bridge}/${name}`)),
  ].map((path) => ({ kind: 'sysctl', path, value: '0', owner: 'host' }));
}

/** Settings without which packets of the network are not forwarded. Source: Linux ip-sysctl.rst. */
function sysctls(network: Network): SysctlSetting[] {
  const ensure = (path: string, value: string): SysctlSetting => ({
    kind: 'sysctl',
    path,
    value,
    owner: 'host',
  });
  const families = familiesOfNetwork(network);
  const settings: SysctlSetting[] = [];
  if (families.has(6)) {
    // Isolated, the bridge shall not even have the link-local address that the kernel would give it.
    const isIsolated = gatewayModeOf(network, 6) === 'isolated' && network.adopted === undefined;
    settings.push(ensure(`ipv6/conf/${network.bridge}/disable_ipv6`, isIsolated ? '1' : '0'));
    // Until its link-local address has passed duplicate address detection, one to two seconds after the first container
    // came, a bridge asks for no neighbour on behalf of others: connections from the LAN would hang so long.
    if (!isIsolated && network.adopted === undefined) {
      settings.push(ensure(`ipv6/conf/${network.bridge}/accept_dad`, '0'));
    }
  }
  if (network.isInternal) return settings;
  if (families.has(4)) {
    settings.push(ensure('ipv4/ip_forward', '1'));
    // Answers to connections from 127.0.0.1 come back to the bridge; without this they are martians. The raw rule
    // against packets for 127.0.0.0/8 from containers closes the hole that it opens.
    settings.push(ensure(`ipv4/conf/${network.bridge}/route_localnet`, '1'));
  }
  if (families.has(6)) settings.push(ensure('ipv6/conf/all/forwarding', '1'));
  return settings;
}

function endpointResources(network: Network, endpoint: Endpoint, separation: Separation): Resource[] {
  if (endpoint.sandbox === undefined) return [];
  const { path, placement } = endpoint.sandbox;
  const owner: Owner = `endpoint:${endpoint.id}`;
  const veth: VethLink = {
    kind: 'veth',
    name: endpoint.hostLink,
    bridge: network.bridge,
    peer: {
      name: endpoint.containerLink,
      mac: endpoint.mac,
      ...(placement === undefined ? {} : { netns: path }),
    },
    isIsolated: separation === 'ports',
    ...(hairpins(network) ? { hairpins: true } : {}),
    ...(separation === 'firewall' ? { passesIpOnly: true } : {}),
    ...(network.mtu === undefined ? {} : { mtu: network.mtu }),
    owner,
  };
  return [
    ...(network.antispoofs === true ? [sourceGuard(endpoint, owner)] : []),
    veth,
    ...shaping(network, endpoint, owner),
    ...(placement === undefined ? [] : [sandboxInterface(endpoint, path, placement, owner)]),
    ...publishedPorts(network, endpoint, owner),
    ...openPorts(network, endpoint, owner),
  ];
}

/**
 * With br_netfilter a connection of a container to itself through the host's address is bridged back to its own port.
 * Where the bridge is no gateway there is none, and what a bridge inside the container sends must not come back to it.
 */
function hairpins(network: Network): boolean {
  return network.hairpins ?? bridgeAddresses(network).length > 0;
}

/** What the kernel receives it does not queue; so what comes from a container takes a way through an interface that sends. */
function shaping(network: Network, endpoint: Endpoint, owner: Owner): (IfbLink | LinkShaping)[] {
  const limit = (direction: 'ingress' | 'egress'): Required<RateLimit> | undefined => {
    const wanted = endpoint.shaping?.[direction] ?? network.shaping?.[direction];
    return wanted === undefined ? undefined : withBurst(wanted, network.mtu);
  };
  const [ingress, egress] = [limit('ingress'), limit('egress')];
  if (ingress === undefined && egress === undefined) return [];
  const link = endpoint.hostLink;
  const ifb = ifbName(link);
  return [
    ...(egress === undefined ? [] : [{ kind: 'ifb', name: ifb, owner } as const]),
    {
      kind: 'shaping',
      link,
      ifb,
      ...(ingress === undefined ? {} : { ingress }),
      ...(egress === undefined ? {} : { egress }),
      owner,
    },
  ];
}

/** Named after the link that it serves. */
function ifbName(link: IfName): IfName {
  return `tsi-${link.slice(hostLinkPrefix.length)}` as IfName;
}

function sandboxInterface(
  endpoint: Endpoint,
  path: string,
  { netns, routes, detectsDuplicates, staysDown }: Placement,
  owner: Owner,
): SandboxInterface {
  const { hostLink, containerLink: name, addresses, mac } = endpoint;
  const hasOwnMac = addresses.every((address) => macFor(ipOf(address)) !== mac);
  return {
    kind: 'sandbox-interface',
    hostLink,
    name,
    sandbox: { path, netns },
    addresses,
    routes,
    ...(detectsDuplicates === undefined ? {} : { detectsDuplicates }),
    ...(hasOwnMac ? { announces: true } : {}),
    ...(staysDown === undefined ? {} : { staysDown }),
    owner,
  };
}

function sourceGuard({ hostLink, mac, addresses }: Endpoint, owner: Owner): SourceGuard {
  const sources = [...addresses.map((address) => ipOf(address)), linkLocalOf(mac)];
  return { kind: 'source-guard', link: hostLink, mac, addresses: sources, owner };
}

function openPorts(network: Network, endpoint: Endpoint, owner: Owner): OpenPort[] {
  return (endpoint.openPorts ?? []).flatMap(({ family, protocol, port }) =>
    endpoint.addresses
      .map((address) => ipOf(address))
      .filter((target) => familyOf(target) === family)
      .map((target): OpenPort => ({
        kind: 'open-port',
        bridge: network.bridge,
        protocol,
        target,
        targetPort: port,
        owner,
      })),
  );
}

function publishedPorts(network: Network, endpoint: Endpoint, owner: Owner): PublishedPort[] {
  return endpoint.ports.flatMap(({ hostIp, protocol, hostPort, containerPort }) =>
    endpoint.addresses
      .map((address) => ipOf(address))
      .filter((target) => hostIp === undefined || familyOf(hostIp) === familyOf(target))
      .filter((target) => gatewayModeOf(network, familyOf(target)) !== 'routed')
      .map((target): PublishedPort => ({
        kind: 'published-port',
        family: familyOf(target),
        protocol,
        ...(hostIp === undefined || isUnspecified(hostIp) ? {} : { hostIp }),
        hostPort,
        target,
        targetPort: containerPort,
        owner,
      })),
  );
}

/** From the gateway, if the bridge is the gateway, else from the network's id, so that it is the same after a reboot. */
function bridgeMac(network: Network): Mac {
  const gateway = gateways(network).find((ip) => familyOf(ip) === 4) ?? gateways(network)[0];
  if (gateway !== undefined) return macFor(gateway);
  const digits = Array.from(
    network.id.padEnd(8, '0').slice(0, 8),
    (character) => character.charCodeAt(0) & 0x0f,
  );
  const bytes = [0, 1, 2, 3].map((index) => ((digits[2 * index] ?? 0) << 4) | (digits[2 * index + 1] ?? 0));
  return macFromBytes(Uint8Array.from([0x02, 0x42, ...bytes]));
}

function gateways(network: Network): Ip[] {
  return bridgeAddresses(network).map((address) => ipOf(address));
}

/** The families in which an endpoint has an address. */
export function familiesOf({ addresses }: Pick<Endpoint, 'addresses'>): ReadonlySet<IpFamily> {
  return new Set(addresses.map((address) => familyOfRange(address)));
}
