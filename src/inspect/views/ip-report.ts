import {
  contains,
  familyOfRange,
  ipOf,
  overlaps,
  parseIp,
  parseSubnet,
  prefixOf,
  type Address,
  type Ip,
  type Mac,
  type Subnet,
} from '../../model/index.ts';
import type { FlowView, LinkView, NetnsView } from '../../observe/host/snapshot.ts';
import { compare } from '../containers-of.ts';
import type { EngineNetwork, HostMap } from '../host-map.ts';
import { header, type View } from './view.ts';

/** Who has an address, or who uses a range, and how the host gets there. */
export interface IpReport extends View<'ip'> {
  /** The range that was asked for: of one address, with the longest prefix. */
  readonly subnet: Subnet;
  /** Interfaces with an address in it, of every namespace. */
  readonly holders: readonly IpHolder[];
  /** Containers to which an engine gave an address in it that no interface has: stopped, or broken ones. */
  readonly absentHolders: readonly { readonly container: string; readonly state: string; readonly ip: Ip }[];
  readonly networks: readonly IpNetwork[];
  /** Routes of the host that lead to it or into it, in the order of the kernel's choice: longest prefix first. */
  readonly routes: readonly IpRoute[];
  readonly neighbours: readonly IpNeighbour[];
  /** Tracked connections of the host with an address in it; absent where they could not be read. */
  readonly flows?: number;
  /** Ranges that are in use more than once: what one says, the other says as well. */
  readonly overlaps: readonly { readonly one: string; readonly other: string; readonly subnet: Subnet }[];
}

/** An interface with an address. */
export interface IpHolder {
  readonly address: Address;
  readonly interface: string;
  readonly place: string;
  readonly container?: string;
  readonly netns: NetnsView['id'];
  readonly mac?: Mac;
  readonly isDuplicate: boolean;
}

/** A network whose range meets the one that was asked for. */
export interface IpNetwork {
  readonly name: string;
  readonly driver: string;
  readonly subnet: Subnet;
  readonly gateway?: Ip;
  readonly containers: number;
  /** `contains` the asked range, lies `inside` it; ranges can't overlap otherwise. */
  readonly relation: 'contains' | 'inside';
}

/** A route of the host. */
export interface IpRoute {
  readonly destination: Subnet | 'default';
  readonly type: string;
  readonly gateway?: Ip;
  readonly interface?: string;
  readonly table: number;
  readonly metric?: number;
  /** The network whose bridge it leads over. */
  readonly network?: string;
}

/** What is known of an address on a link. */
export interface IpNeighbour {
  readonly ip: Ip;
  readonly mac?: Mac;
  readonly interface: string;
  readonly place: string;
  readonly state: string;
}

const localTable = 255;

/**
 * @param wanted an address, or a range in CIDR form
 * @throws invalid-input
 */
export function ipReport(map: HostMap, wanted: string): IpReport {
  const subnet = parseTarget(wanted);
  const holders = map.namespaces.flatMap((netns) => holdersOf(map, netns, subnet));
  const held = new Set(holders.map(({ address }) => ipOf(address)));
  const flows = map.host.flows?.filter((flow) => concerns(flow, subnet)).length;
  return {
    ...header(map.inspection, 'ip'),
    subnet,
    holders: holders.sort(
      (one, other) => compareIps(ipOf(one.address), ipOf(other.address)) || compare(one.place, other.place),
    ),
    absentHolders: map.containers.flatMap(({ name, view }) =>
      (view?.attachments ?? [])
        .flatMap(({ addresses }) => addresses)
        .filter((ip) => contains(subnet, ip) && !held.has(ip))
        .map((ip) => ({ container: name, state: view?.state ?? 'unknown', ip })),
    ),
    networks: networksOf(map, subnet),
    routes: routesOf(map, subnet),
    neighbours: map.namespaces.flatMap((netns) => neighboursOf(map, netns, subnet)),
    ...(flows === undefined ? {} : { flows }),
    overlaps: overlapsOf(map, subnet),
  };
}

function parseTarget(text: string): Subnet {
  if (text.includes('/')) return parseSubnet(text, 'address');
  const ip = parseIp(text, 'address');
  return parseSubnet(`${ip}/${ip.includes(':') ? 128 : 32}`, 'address');
}

function holdersOf(map: HostMap, netns: NetnsView, subnet: Subnet): IpHolder[] {
  return netns.addresses
    .filter(({ address }) => contains(subnet, ipOf(address)))
    .map(({ address, linkIndex, isDuplicate }) => {
      const link = map.link(netns, linkIndex);
      const container = map.ownerOf(netns.id)?.name;
      return {
        address,
        interface: link?.name ?? `index ${linkIndex}`,
        place: map.titleOf(netns),
        ...(container === undefined ? {} : { container }),
        netns: netns.id,
        ...(link?.mac === undefined ? {} : { mac: link.mac }),
        isDuplicate,
      };
    });
}

function networksOf(map: HostMap, wanted: Subnet): IpNetwork[] {
  return map.networks.flatMap(({ id, name, driver, subnets }) =>
    subnets
      .filter(({ subnet }) => overlaps(subnet, wanted))
      .map(({ subnet, gateway }) => ({
        name,
        driver,
        subnet,
        ...(gateway === undefined ? {} : { gateway }),
        containers: map.containers.filter(({ view }) =>
          view?.attachments.some(({ networkId }) => networkId === id),
        ).length,
        relation: prefixOf(subnet) <= prefixOf(wanted) ? ('contains' as const) : ('inside' as const),
      })),
  );
}

function routesOf(map: HostMap, wanted: Subnet): IpRoute[] {
  const family = familyOfRange(wanted);
  return map.host.routes
    .filter((route) => route.family === family && (route.table !== localTable || route.type === 'local'))
    .filter(({ destination }) => destination === undefined || overlaps(destination, wanted))
    .flatMap((route) =>
      (route.nextHops.length === 0 ? [undefined] : route.nextHops).map((hop): IpRoute => {
        const link = map.link(map.host, hop?.linkIndex);
        const network = link === undefined ? undefined : map.networkOfBridge(link)?.name;
        return {
          destination: route.destination ?? 'default',
          type: route.type,
          ...(hop?.gateway === undefined ? {} : { gateway: hop.gateway }),
          ...(link === undefined ? {} : { interface: link.name }),
          table: route.table,
          ...(route.metric === undefined ? {} : { metric: route.metric }),
          ...(network === undefined ? {} : { network }),
        };
      }),
    )
    .sort(
      (one, other) =>
        lengthOf(other) - lengthOf(one) ||
        other.table - one.table ||
        (one.metric ?? 0) - (other.metric ?? 0) ||
        compare(one.destination, other.destination),
    );
}

function lengthOf({ destination }: IpRoute): number {
  return destination === 'default' ? -1 : prefixOf(destination);
}

function neighboursOf(map: HostMap, netns: NetnsView, subnet: Subnet): IpNeighbour[] {
  return netns.neighbours
    .filter(({ ip, state }) => state !== 'noarp' && contains(subnet, ip))
    .map(({ ip, mac, state, linkIndex }) => ({
      ip,
      ...(mac === undefined ? {} : { mac }),
      interface: map.link(netns, linkIndex)?.name ?? `index ${linkIndex}`,
      place: map.titleOf(netns),
      state,
    }));
}

function concerns({ original, reply }: FlowView, subnet: Subnet): boolean {
  return [original.source, original.destination, reply.source, reply.destination].some(
    (ip) => ip !== undefined && contains(subnet, ip),
  );
}

/** Networks and routes of the host that want the same addresses, as far as they meet the range. */
function overlapsOf(map: HostMap, wanted: Subnet): IpReport['overlaps'] {
  const ranges = [
    ...map.networks.flatMap((network) =>
      network.subnets.map(({ subnet }) => ({
        title: `network ${network.name}`,
        subnet,
        link: linkOf(map, network)?.index,
      })),
    ),
    ...map.host.routes
      .filter(({ table, type }) => table !== localTable && type === 'unicast')
      .flatMap(({ destination, nextHops }) => {
        const link = nextHops[0]?.linkIndex;
        const name = map.link(map.host, link)?.name;
        return destination === undefined || isLinkLocal(destination)
          ? []
          : [
              {
                title: `route ${destination}${name === undefined ? '' : ` dev ${name}`}`,
                subnet: destination,
                link,
              },
            ];
      }),
  ].filter(({ subnet }) => overlaps(subnet, wanted));
  return ranges.flatMap((one, position) =>
    ranges
      .slice(position + 1)
      .filter(
        (other) => overlaps(one.subnet, other.subnet) && (one.link === undefined || one.link !== other.link),
      )
      .map((other) => ({
        one: one.title,
        other: other.title,
        subnet: prefixOf(one.subnet) >= prefixOf(other.subnet) ? one.subnet : other.subnet,
      })),
  );
}

/** The link that a network's addresses are behind: its bridge, or what a macvlan or ipvlan rides on. */
function linkOf(map: HostMap, network: EngineNetwork): LinkView | undefined {
  const parent = network.options['parent'];
  return map.bridgeOfNetwork(network) ?? map.host.links.find(({ name }) => name === parent);
}

function isLinkLocal(subnet: Subnet): boolean {
  return subnet.startsWith('fe80:') || subnet.startsWith('ff00:') || subnet.startsWith('169.254.');
}

function compareIps(one: Ip, other: Ip): number {
  const [mine, others] = [one, other].map((ip) =>
    ip.includes(':')
      ? ip
      : ip
          .split('.')
          .map((part) => part.padStart(3, '0'))
          .join('.'),
  );
  return Number(one.includes(':')) - Number(other.includes(':')) || compare(mine ?? '', others ?? '');
}
