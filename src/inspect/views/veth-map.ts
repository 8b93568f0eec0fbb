import type { Address, Mac } from '../../model/index.ts';
import type { PlacedLink } from '../../observe/host/relations.ts';
import type { LinkView, NetnsId, NetnsView } from '../../observe/host/snapshot.ts';
import { compare, type PlacedContainer } from '../containers-of.ts';
import type { HostMap } from '../host-map.ts';
import { header, stateOf, type Counters, type View } from './view.ts';

/** Which veth is which container's. */
export interface VethMap extends View<'veth'> {
  readonly rows: readonly VethRow[];
}

/** A veth pair, or a container or link without one and why. */
export interface VethRow {
  /**
   * `veth`: a pair. `unseen`: the other end is in a namespace that could not be seen. `macvlan`, `ipvlan`, `host`, `none`,
   * `container`: a container that has its network otherwise.
   */
  readonly type: 'veth' | 'unseen' | 'macvlan' | 'ipvlan' | 'host' | 'none' | 'container';
  /** The end outside, mostly the host's; for a macvlan or ipvlan the link it stands on. */
  readonly hostVeth?: string;
  readonly hostIndex?: number;
  readonly hostNetns?: NetnsId;
  /** How people call the namespace of the end outside: `host`, mostly. */
  readonly hostPlace?: string;
  /** The bridge, bond or VRF that the end outside belongs to. */
  readonly bridge?: string;
  readonly network?: string;
  readonly container?: string;
  readonly containerId?: string;
  /** Others that use the same interface. */
  readonly sharedWith?: readonly string[];
  /** The container whose network it uses. */
  readonly owner?: string;
  /** The namespace of the end inside. */
  readonly netns?: NetnsId;
  readonly place?: string;
  readonly interface?: string;
  readonly index?: number;
  readonly addresses: readonly Address[];
  readonly mac?: Mac;
  readonly mtu?: number;
  /** `half`: only one of the two ends was set up. */
  readonly state?: LinkView['operState'] | 'half';
  /** As the end inside counts; for an unseen pair the end that is seen. */
  readonly counters?: Counters;
}

/**
 * Every veth pair of the host, whichever namespaces its ends are in, and every running container without one. Pairs
 * are found by index and namespace together: equal indexes in different namespaces are different links.
 */
export function vethMap(map: HostMap): VethMap {
  const rows: VethRow[] = [];
  const seen = new Set<string>();
  for (const netns of map.namespaces) {
    for (const link of netns.links) {
      const row = link.kind === 'veth' ? pairOf(map, { netns, link }, seen) : stackedOf(map, netns, link);
      if (row !== undefined) rows.push(row);
    }
  }
  const connected = new Set(rows.map(({ netns }) => netns));
  for (const container of map.containers) {
    const row = withoutLink(map, container, connected);
    if (row !== undefined) rows.push(row);
  }
  return { ...header(map.inspection, 'veth'), rows: rows.sort(compareRows) };
}

/** The rows that a name of any kind fits: veth, container, `interface@container`, address, MAC or index. */
export function selectVeths(rows: readonly VethRow[], name: string): VethRow[] {
  const wanted = name.toLowerCase();
  const tests: readonly ((row: VethRow) => boolean)[] = [
    ({ hostVeth, hostPlace, type }) => hostVeth === name && hostPlace === 'host' && isPair(type),
    (row) => row.container === name || row.place === name,
    (row) => `${row.interface}@${row.container ?? row.place}` === name,
    ({ containerId }) => name.length >= 6 && containerId?.startsWith(wanted) === true,
    ({ addresses }) => addresses.some((one) => one === wanted || one.startsWith(`${wanted}/`)),
    ({ mac }) => mac === wanted,
    ({ netns }) => netns === name || netns === `net:${name.replace(/\D/g, '')}`,
    ({ hostIndex, hostPlace }) => hostPlace === 'host' && String(hostIndex) === name,
    ({ index }) => String(index) === name,
    ({ hostVeth, interface: inside }) => hostVeth === name || inside === name,
    ({ sharedWith, owner }) => sharedWith?.includes(name) === true || owner === name,
  ];
  for (const test of tests) {
    const found = rows.filter(test);
    if (found.length > 0) return found;
  }
  return [];
}

function isPair(type: VethRow['type']): boolean {
  return type === 'veth' || type === 'unseen';
}

function pairOf(map: HostMap, one: PlacedLink, seen: Set<string>): VethRow | undefined {
  if (seen.has(keyOf(one))) return undefined;
  const peer = map.peerOf(one.netns, one.link);
  seen.add(keyOf(one));
  if (peer === undefined) return unseenRow(map, one);
  seen.add(keyOf(peer));
  const [outside, inside] = isOutside(map, one, peer) ? [one, peer] : [peer, one];
  const owner = map.ownerOf(inside.netns.id);
  const bridge = map.masterOf(outside.netns, outside.link);
  const network =
    map.attachmentOf(inside.netns, inside.link)?.networkName ??
    (bridge !== undefined && outside.netns.id === map.host.id
      ? map.networkOfBridge(bridge)?.name
      : undefined);
  return {
    type: 'veth',
    ...outsideOf(map, outside),
    ...(network === undefined ? {} : { network }),
    ...containerOf(owner),
    ...insideOf(map, inside),
    state: stateOfPair(outside.link, inside.link),
  };
}

/** The end of the host, else the port of a bridge, else the one that no container has, else the older namespace. */
function isOutside(map: HostMap, one: PlacedLink, other: PlacedLink): boolean {
  const ranks = [one, other].map(({ netns, link }) => [
    netns.id === map.host.id ? 0 : 1,
    link.masterIndex === undefined ? 1 : 0,
    map.ownerOf(netns.id) === undefined ? 0 : 1,
  ]);
  const [mine = [], others = []] = ranks;
  for (const [position, rank] of mine.entries()) {
    const otherRank = others[position] ?? 0;
    if (rank !== otherRank) return rank < otherRank;
  }
  return compareLinks(one, other) <= 0;
}

function unseenRow(map: HostMap, end: PlacedLink): VethRow {
  const isHost = end.netns.id === map.host.id;
  const bridge = map.masterOf(end.netns, end.link);
  const network = isHost && bridge !== undefined ? map.networkOfBridge(bridge)?.name : undefined;
  if (!isHost && map.ownerOf(end.netns.id) !== undefined) {
    return {
      type: 'unseen',
      ...containerOf(map.ownerOf(end.netns.id)),
      ...insideOf(map, end),
      state: stateOf(end.link),
    };
  }
  return {
    type: 'unseen',
    ...outsideOf(map, end),
    ...(network === undefined ? {} : { network }),
    addresses: [],
    state: stateOf(end.link),
    ...(end.link.counters === undefined ? {} : { counters: end.link.counters }),
  };
}

/** A macvlan or ipvlan in a namespace that is not the host's. */
function stackedOf(map: HostMap, netns: NetnsView, link: LinkView): VethRow | undefined {
  if (netns.id === map.host.id || (link.kind !== 'macvlan' && link.kind !== 'ipvlan')) return undefined;
  const parent = map.peerOf(netns, link);
  const network = map.attachmentOf(netns, link)?.networkName;
  return {
    type: link.kind,
    ...(parent === undefined ? {} : outsideOf(map, parent)),
    ...(network === undefined ? {} : { network }),
    ...containerOf(map.ownerOf(netns.id)),
    ...insideOf(map, { netns, link }),
    state: stateOf(link),
  };
}

/** A running container whose namespace is the host's or another container's, or has no link at all. */
function withoutLink(
  map: HostMap,
  container: PlacedContainer,
  connected: ReadonlySet<NetnsId | undefined>,
): VethRow | undefined {
  const { netns: id, name, mode, owner } = container;
  const netns = id === undefined ? undefined : map.netns(id);
  if (netns === undefined) return undefined;
  const base = { container: name, containerId: container.id, netns: netns.id, addresses: [] };
  if (netns.id === map.host.id) return { type: 'host', ...base, network: 'host', place: 'host' };
  const first = map.ownerOf(netns.id);
  if (mode === 'container' || (first !== undefined && first.id !== container.id)) {
    return { type: 'container', ...base, owner: owner ?? first?.name ?? '', place: map.titleOf(netns) };
  }
  if (connected.has(netns.id)) return undefined;
  return { type: 'none', ...base, network: mode === 'none' ? 'none' : mode, place: name };
}

function outsideOf(map: HostMap, { netns, link }: PlacedLink): Partial<VethRow> {
  const bridge = map.masterOf(netns, link)?.name;
  return {
    hostVeth: link.name,
    hostIndex: link.index,
    hostNetns: netns.id,
    hostPlace: map.titleOf(netns),
    ...(bridge === undefined ? {} : { bridge }),
  };
}

function insideOf(map: HostMap, { netns, link }: PlacedLink): Partial<VethRow> & Pick<VethRow, 'addresses'> {
  return {
    netns: netns.id,
    place: map.titleOf(netns),
    interface: link.name,
    index: link.index,
    addresses: map.addressesOf(netns, link),
    ...(link.mac === undefined ? {} : { mac: link.mac }),
    mtu: link.mtu,
    ...(link.counters === undefined ? {} : { counters: link.counters }),
  };
}

function containerOf(container: PlacedContainer | undefined): Partial<VethRow> {
  if (container === undefined) return {};
  const { name, id, sharedWith } = container;
  return { container: name, containerId: id, ...(sharedWith.length === 0 ? {} : { sharedWith }) };
}

function stateOfPair(one: LinkView, other: LinkView): LinkView['operState'] | 'half' {
  return one.isUp === other.isUp ? stateOf(one) : 'half';
}

function keyOf({ netns, link }: PlacedLink): string {
  return `${netns.id}/${link.index}`;
}

function compareLinks(one: PlacedLink, other: PlacedLink): number {
  return compare(one.netns.id, other.netns.id) || one.link.index - other.link.index;
}

const order: readonly VethRow['type'][] = [
  'veth',
  'macvlan',
  'ipvlan',
  'unseen',
  'container',
  'host',
  'none',
];

/** Pairs by bridge and container, then pairs seen by half, then containers without. */
function compareRows(one: VethRow, other: VethRow): number {
  return (
    order.indexOf(one.type) - order.indexOf(other.type) ||
    compare(one.bridge ?? '\uffff', other.bridge ?? '\uffff') ||
    compare(one.container ?? '\uffff', other.container ?? '\uffff') ||
    compare(one.interface ?? '', other.interface ?? '') ||
    compare(one.hostVeth ?? '', other.hostVeth ?? '') ||
    (one.index ?? 0) - (other.index ?? 0)
  );
}
