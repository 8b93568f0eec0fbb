import type { Address, Ip, Mac } from '../../model/index.ts';
import type { LinkView, NetnsView } from '../../observe/host/snapshot.ts';
import { compare } from '../containers-of.ts';
import type { EngineNetwork, HostMap } from '../host-map.ts';
import { notFound } from './find.ts';
import { publishedPorts, type PublishedPort } from './published-ports.ts';
import { interfaceOf, header, stateOf, type InterfaceView, type View } from './view.ts';

/** Bridges with their ports and what they learned. */
export interface BridgeList extends View<'bridge'> {
  readonly bridges: readonly BridgeReport[];
}

/** A bridge. */
export interface BridgeReport extends InterfaceView {
  readonly network?: NetworkReference;
  readonly stp: boolean;
  readonly vlanFiltering: boolean;
  readonly multicastSnooping: boolean;
  /** How long an address that was learned is kept. */
  readonly ageingSeconds: number;
  readonly ports: readonly BridgePort[];
  /** The MAC table: behind which port an address is. */
  readonly forwarding: readonly ForwardingRow[];
  /** Published ports of the network's containers. */
  readonly published: readonly PublishedPort[];
}

/** The network that a bridge is. */
export interface NetworkReference {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly engine: EngineNetwork['engine'];
  readonly isInternal: boolean;
}

/** A port of a bridge and who is on its other end. */
export interface BridgePort {
  readonly name: string;
  readonly index: number;
  readonly kind: string;
  readonly linkState: LinkView['operState'];
  /** Of the spanning tree; without one a port that is up is forwarding. */
  readonly portState: string;
  /** Such as `hairpin`, `isolated`, `no-learning`, `no-flood`. */
  readonly flags: readonly string[];
  readonly container?: string;
  /** The namespace of the other end, as people call it. */
  readonly place?: string;
  readonly interface?: string;
  readonly addresses: readonly Address[];
  /** Of the other end: the address that the bridge learns. */
  readonly mac?: Mac;
  /** How many addresses the bridge learned behind it. */
  readonly learned: number;
  readonly counters?: InterfaceView['counters'];
}

/** An entry of the MAC table. */
export interface ForwardingRow {
  readonly mac: Mac;
  readonly port: string;
  /** `local`: of the bridge or its ports; `static`: set by somebody; `learned`: from packets. */
  readonly origin: 'local' | 'static' | 'learned';
  readonly vlan?: number;
  /** Seconds since a packet from there was last seen; present where it was learned. */
  readonly ageSeconds?: number;
  /** Whose address it is, where that was seen. */
  readonly owner?: string;
  readonly ips: readonly Ip[];
}

/**
 * Bridges of the host, and of other namespaces behind them, by name.
 *
 * @param wanted only the one with this name, or that the network with this name is
 * @throws not-found
 */
export function bridgeList(map: HostMap, wanted?: string): BridgeList {
  const all = map.namespaces.flatMap((netns) =>
    netns.links
      .filter(({ kind }) => kind === 'bridge')
      .sort((one, other) => compare(one.name, other.name))
      .map((link) => ({ netns, link })),
  );
  const isWanted = ({ netns, link }: { netns: NetnsView; link: LinkView }): boolean => {
    const network = netns.id === map.host.id ? map.networkOfBridge(link) : undefined;
    return (
      link.name === wanted ||
      network?.name === wanted ||
      network?.id === wanted ||
      `${link.name}@${map.titleOf(netns)}` === wanted
    );
  };
  const chosen = wanted === undefined ? all : all.filter(isWanted);
  if (wanted !== undefined && chosen.length === 0) {
    throw notFound(
      'bridge',
      wanted,
      all.map(({ link }) => link.name),
    );
  }
  return {
    ...header(map.inspection, 'bridge'),
    bridges: chosen.map(({ netns, link }) => reportOf(map, netns, link)),
  };
}

function reportOf(map: HostMap, netns: NetnsView, link: LinkView): BridgeReport {
  const network = netns.id === map.host.id ? map.networkOfBridge(link) : undefined;
  const forwarding = forwardingOf(map, netns, link);
  const members =
    network === undefined
      ? []
      : map.containers.filter(({ view }) =>
          view?.attachments.some(({ networkId }) => networkId === network.id),
        );
  return {
    ...interfaceOf(map, netns, link),
    ...(network === undefined ? {} : { network: networkReference(network) }),
    stp: link.bridge?.stp ?? false,
    vlanFiltering: link.bridge?.vlanFiltering ?? false,
    multicastSnooping: link.bridge?.multicastSnooping ?? false,
    ageingSeconds: link.bridge?.ageingSeconds ?? 0,
    ports: map
      .portsOf(netns, link)
      .map((port) => portOf(map, netns, port, forwarding))
      .sort((one, other) => one.index - other.index),
    forwarding,
    published: publishedPorts(map, members),
  };
}

/** A network in an answer. */
export function networkReference({ id, name, driver, engine, isInternal }: EngineNetwork): NetworkReference {
  return { id, name, driver, engine, isInternal };
}

function portOf(
  map: HostMap,
  netns: NetnsView,
  port: LinkView,
  forwarding: readonly ForwardingRow[],
): BridgePort {
  const peer = port.kind === 'veth' ? map.peerOf(netns, port) : undefined;
  const container = peer === undefined ? undefined : map.ownerOf(peer.netns.id)?.name;
  const mac = peer?.link.mac;
  return {
    name: port.name,
    index: port.index,
    kind: port.kind ?? 'physical',
    linkState: stateOf(port),
    portState: port.bridgePort?.state ?? 'unknown',
    flags: flagsOf(port),
    ...(container === undefined ? {} : { container }),
    ...(peer === undefined ? {} : { place: map.titleOf(peer.netns), interface: peer.link.name }),
    addresses: peer === undefined ? [] : map.addressesOf(peer.netns, peer.link),
    ...(mac === undefined ? {} : { mac }),
    learned: forwarding.filter(({ port: name, origin }) => name === port.name && origin === 'learned').length,
    ...(port.counters === undefined ? {} : { counters: port.counters }),
  };
}

function flagsOf({ bridgePort }: LinkView): string[] {
  if (bridgePort === undefined) return [];
  return [
    ...(bridgePort.hairpin ? ['hairpin'] : []),
    ...(bridgePort.isolated ? ['isolated'] : []),
    ...(bridgePort.learning ? [] : ['no-learning']),
    ...(bridgePort.flooding ? [] : ['no-flood']),
    ...(bridgePort.neighbourSuppression ? ['neighbour-suppression'] : []),
  ];
}

function forwardingOf(map: HostMap, netns: NetnsView, bridge: LinkView): ForwardingRow[] {
  const own = new Set([bridge.mac, ...map.portsOf(netns, bridge).map(({ mac }) => mac)]);
  const owners = ownersOf(map, netns, bridge);
  return (
    netns.forwarding
      .filter(({ bridgeIndex, linkIndex }) => bridgeIndex === bridge.index || linkIndex === bridge.index)
      // Groups that the link itself listens to are no addresses of anybody.
      .filter(({ mac }) => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0)
      .map((entry): ForwardingRow => {
        const owner = owners.get(entry.mac);
        const isLocal = entry.isPermanent && own.has(entry.mac);
        const ips = netns.neighbours.filter((one) => one.linkIndex === bridge.index && one.mac === entry.mac);
        return {
          mac: entry.mac,
          port: map.link(netns, entry.linkIndex)?.name ?? `index ${entry.linkIndex}`,
          origin: isLocal ? 'local' : entry.isPermanent ? 'static' : 'learned',
          ...(entry.vlan === undefined ? {} : { vlan: entry.vlan }),
          ...(entry.isPermanent || entry.ageSeconds === undefined ? {} : { ageSeconds: entry.ageSeconds }),
          ...(owner === undefined ? {} : { owner }),
          ips: ips.map(({ ip }) => ip).sort(compare),
        };
      })
      .sort(
        (one, other) =>
          compare(one.origin, other.origin) ||
          compare(one.port, other.port) ||
          compare(one.mac, other.mac) ||
          (one.vlan ?? 0) - (other.vlan ?? 0),
      )
  );
}

/** Who has which hardware address on the other ends of a bridge's ports. */
function ownersOf(map: HostMap, netns: NetnsView, bridge: LinkView): Map<Mac, string> {
  const owners = new Map<Mac, string>();
  for (const port of map.portsOf(netns, bridge)) {
    const peer = port.kind === 'veth' ? map.peerOf(netns, port) : undefined;
    if (peer?.link.mac !== undefined)
      owners.set(peer.link.mac, `${peer.link.name}@${map.titleOf(peer.netns)}`);
  }
  return owners;
}
