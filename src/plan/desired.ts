import {
  addressIn,
  familyOf,
  familyOfRange,
  ipOf,
  isUnspecified,
  macFor,
  macFromBytes,
  type BridgeLink,
  type Endpoint,
  type Ip,
  type IpFamily,
  type Mac,
  type Network,
  type NetworkRules,
  type Owner,
  type PublishedPort,
  type Resource,
  type SysctlSetting,
  type VethLink,
} from '../model/index.ts';

/** What was decided about one network: the network, if it exists, and some or all of its endpoints. */
export interface Intent {
  readonly network: Network | undefined;
  readonly endpoints: readonly Endpoint[];
}

/**
 * What the kernel should hold for an intent, in no particular order. The only place where it is decided: creating,
 * checking, repairing and removing all compare with this.
 */
export function desired({ network, endpoints }: Intent): Resource[] {
  if (network === undefined) return [];
  return [
    ...networkResources(network),
    ...endpoints.flatMap((endpoint) => endpointResources(network, endpoint)),
  ];
}

function networkResources(network: Network): Resource[] {
  const owner: Owner = `network:${network.id}`;
  const bridge: BridgeLink = {
    kind: 'bridge',
    name: network.bridge,
    mac: bridgeMac(network),
    ...(network.mtu === undefined ? {} : { mtu: network.mtu }),
    owner,
  };
  const addresses = network.subnets.flatMap(({ subnet, gateway }): Resource[] =>
    gateway === undefined
      ? []
      : [{ kind: 'address', link: network.bridge, address: addressIn(gateway, subnet), owner }],
  );
  const rules: NetworkRules = {
    kind: 'network-rules',
    bridge: network.bridge,
    subnets: network.subnets.map(({ subnet }) => subnet),
    isInternal: network.isInternal,
    allowsIcc: network.allowsIcc,
    masquerades: network.masquerades,
    owner,
  };
  return [bridge, ...sysctls(network), ...addresses, rules];
}

/** Settings without which packets of the network are not forwarded. Source: Linux ip-sysctl.rst. */
function sysctls(network: Network): SysctlSetting[] {
  const ensure = (path: string, value: string): SysctlSetting => ({
    kind: 'sysctl',
    path,
    value,
    owner: 'host',
  });
  const families = new Set(network.subnets.map(({ subnet }) => familyOfRange(subnet)));
  const settings: SysctlSetting[] = [];
  if (families.has(6)) settings.push(ensure(`ipv6/conf/${network.bridge}/disable_ipv6`, '0'));
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

function endpointResources(network: Network, endpoint: Endpoint): Resource[] {
  if (endpoint.sandbox === undefined) return [];
  const owner: Owner = `endpoint:${endpoint.id}`;
  const veth: VethLink = {
    kind: 'veth',
    name: endpoint.hostLink,
    bridge: network.bridge,
    peer: { name: endpoint.containerLink, mac: endpoint.mac },
    // Frames between two ports are seen by no firewall unless br_netfilter is on.
    isIsolated: !network.allowsIcc,
    ...(network.mtu === undefined ? {} : { mtu: network.mtu }),
    owner,
  };
  return [veth, ...publishedPorts(endpoint, owner)];
}

function publishedPorts(endpoint: Endpoint, owner: Owner): PublishedPort[] {
  return endpoint.ports.flatMap(({ hostIp, protocol, hostPort, containerPort }) =>
    endpoint.addresses
      .map((address) => ipOf(address))
      .filter((target) => hostIp === undefined || familyOf(hostIp) === familyOf(target))
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

/** From the gateway, else from the network's id, so that it is the same after a reboot. */
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
  return network.subnets.flatMap(({ gateway }) => (gateway === undefined ? [] : [gateway]));
}

/** The families in which an endpoint has an address. */
export function familiesOf(endpoint: Endpoint): ReadonlySet<IpFamily> {
  return new Set(endpoint.addresses.map((address) => familyOfRange(address)));
}
