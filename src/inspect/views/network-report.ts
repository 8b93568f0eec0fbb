import {
  boundsOf,
  contains,
  ipOf,
  prefixOf,
  type Address,
  type Ip,
  type Mac,
  type Subnet,
} from '../../model/index.ts';
import type { PlacedContainer } from '../containers-of.ts';
import type { EngineNetwork, HostMap } from '../host-map.ts';
import { networkReference, type NetworkReference } from './bridge-list.ts';
import { interfacesOf } from './container-report.ts';
import { findNamed } from './find.ts';
import { publishedPorts, type PublishedPort } from './published-ports.ts';
import { header, interfaceOf, type InterfaceView, type View } from './view.ts';

/** A network as its engine meant it and as the kernel holds it. */
export interface NetworkReport extends View<'network'>, NetworkReference {
  readonly subnets: readonly NetworkRange[];
  /** Absent for other drivers, and where the bridge is missing. */
  readonly bridge?: InterfaceView;
  /** Of a macvlan or ipvlan: the link it stands on, as its options name it. */
  readonly parent?: string;
  readonly members: readonly NetworkMember[];
  readonly published: readonly PublishedPort[];
  readonly options: Readonly<Record<string, string>>;
  /** Other networks of the same name: Docker and tsnet may each have a `bridge`. */
  readonly namesakes: readonly Pick<NetworkReference, 'id' | 'engine'>[];
}

/** A range of a network and how much of it is used. */
export interface NetworkRange {
  readonly subnet: Subnet;
  readonly gateway?: Ip;
  /** Part of the subnet that addresses are given from. */
  readonly range?: Subnet;
  /** Addresses of containers and the gateway. */
  readonly used: number;
  /** How many there are to give, the gateway's included; as text where it is no safe number. */
  readonly total: number | string;
}

/** A container in a network. */
export interface NetworkMember {
  readonly container: string;
  readonly containerId: string;
  readonly state: string;
  /** As the engine says, with the interface's prefix length where it has them. */
  readonly addresses: readonly (Address | Ip)[];
  readonly mac?: Mac;
  readonly interface?: string;
  readonly hostVeth?: string;
  readonly linkState?: InterfaceView['state'];
  readonly aliases: readonly string[];
}

/**
 * A network by name, id or beginning of an id. Of one name the network of an engine wins over one that only tsnet has.
 *
 * @throws not-found, conflict
 */
export function networkReport(map: HostMap, name: string): NetworkReport {
  const network = findNetwork(map.networks, name);
  const members = map.containers.flatMap((container) => membersOf(map, network, container));
  const bridge = map.bridgeOfNetwork(network);
  const parent = network.options['parent'];
  const inNetwork = map.containers.filter(({ view }) =>
    view?.attachments.some(({ networkId }) => networkId === network.id),
  );
  return {
    ...header(map.inspection, 'network'),
    ...networkReference(network),
    subnets: network.subnets.map((one) => rangeOf(map, network, one, members)),
    ...(bridge === undefined ? {} : { bridge: interfaceOf(map, map.host, bridge) }),
    ...(parent === undefined ? {} : { parent }),
    members,
    published: publishedPorts(map, inNetwork),
    options: network.options,
    namesakes: map.networks
      .filter((one) => one.name === network.name && one.id !== network.id)
      .map(({ id, engine }) => ({ id, engine })),
  };
}

function findNetwork(networks: readonly EngineNetwork[], name: string): EngineNetwork {
  const [told, ...others] = networks.filter((one) => one.name === name && one.engine !== 'tsnet');
  return told === undefined || others.length > 0 ? findNamed(networks, name, 'network') : told;
}

function membersOf(map: HostMap, network: EngineNetwork, container: PlacedContainer): NetworkMember[] {
  const attachment = container.view?.attachments.find(({ networkId }) => networkId === network.id);
  if (attachment === undefined || container.view === undefined) return [];
  const netns = container.netns === undefined ? undefined : map.netns(container.netns);
  const link =
    netns === undefined || netns.id === map.host.id
      ? undefined
      : interfacesOf(map, netns).find(
          (one) =>
            one.addresses.some((address) =>
              attachment.addresses.some((ip) => address.startsWith(`${ip}/`)),
            ) ||
            (one.mac !== undefined && one.mac === attachment.mac),
        );
  const mac = link?.mac ?? attachment.mac;
  return [
    {
      container: container.name,
      containerId: container.id,
      state: container.view.state,
      addresses: attachment.addresses.map(
        (ip) => link?.addresses.find((address) => address.startsWith(`${ip}/`)) ?? ip,
      ),
      ...(mac === undefined ? {} : { mac }),
      ...(link === undefined ? {} : { interface: link.name, linkState: link.state }),
      ...(link?.hostVeth === undefined ? {} : { hostVeth: link.hostVeth }),
      aliases: attachment.aliases,
    },
  ];
}

function rangeOf(
  map: HostMap,
  network: EngineNetwork,
  { subnet, gateway: told, range }: EngineNetwork['subnets'][number],
  members: readonly NetworkMember[],
): NetworkRange {
  const gateway = told ?? gatewayIn(map, network, subnet);
  const used = new Set<string>(gateway === undefined ? [] : [gateway]);
  for (const address of members.flatMap(({ addresses }) => addresses)) {
    const ip = address.split('/')[0] as Ip;
    if (contains(subnet, ip)) used.add(ip);
  }
  return {
    subnet,
    ...(gateway === undefined ? {} : { gateway }),
    ...(range === undefined ? {} : { range }),
    used: used.size,
    total: totalOf(range ?? subnet),
  };
}

/** Older engines tell a gateway that the user did not choose only where it is used. */
function gatewayIn(map: HostMap, network: EngineNetwork, subnet: Subnet): Ip | undefined {
  const bridge = map.bridgeOfNetwork(network);
  const own = bridge === undefined ? [] : map.addressesOf(map.host, bridge).map(ipOf);
  const used = map.containers.flatMap(({ view }) =>
    (view?.attachments ?? []).flatMap(({ networkId, gateway }) =>
      networkId === network.id && gateway !== undefined ? [gateway] : [],
    ),
  );
  return [...own, ...used].find((ip) => contains(subnet, ip));
}

/** Without the network's and the broadcast address of IPv4, which nobody gets. Source: RFC 3021 for /31. */
function totalOf(subnet: Subnet): number | string {
  const { first, last } = boundsOf(subnet);
  const all = last - first + 1n;
  const given = !subnet.includes(':') && prefixOf(subnet) < 31 ? all - 2n : all;
  return given <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(given) : given.toString();
}
