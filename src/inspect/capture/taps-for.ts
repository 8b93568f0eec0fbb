import { ipOf, isUnspecified, printable, type Ip, type Protocol } from '../../model/index.ts';
import { Relations, type NetnsId, type NetnsView, type PlacedLink } from '../../observe/host/index.ts';
import { HostMap } from '../host-map.ts';
import type { Inspection } from '../inspection.ts';
import { doorsOf } from '../open-door.ts';
import { targetsOf, type PortTarget, type WantedPort } from './targets-of.ts';

/** One end of flows, as a packet shows it at some place. */
export interface FlowEnd {
  /** Any of these; empty means every address. */
  readonly ips: readonly Ip[];
  readonly port: number;
}

/** Where on the way from a client to a container a link lies. */
export type Stage = (typeof stages)[number];

/** In the order of the way in. */
export const stages = ['uplink', 'bridge', 'port', 'container'] as const;

/** A link to listen on, and for what. */
export interface PlannedTap {
  /** `host/hx0`, `web/eth0`: unique in a plan. */
  readonly name: string;
  /** What is known of it: kind, network, namespace, addresses. */
  readonly description: string;
  readonly stage: Stage;
  readonly netns: NetnsId;
  /** Files that lead to the namespace; one of them may lead to another by now, so compare its inode. */
  readonly doors: readonly string[];
  readonly linkIndex: number;
  readonly linkName: string;
  /** False for tunnels, whose packets begin with the IP header. */
  readonly hasLinkHeader: boolean;
  readonly isLoopback: boolean;
  /** The flow before and after the translation: whichever is seen here belongs to it. */
  readonly ends: readonly FlowEnd[];
}

/** What to capture for a port. */
export interface CapturePlan {
  readonly protocol: Protocol;
  /** In the order of the way in. */
  readonly taps: readonly PlannedTap[];
  /** Where the port leads, as engines and rules say; empty when it stays on the host. */
  readonly targets: readonly PortTarget[];
  /** Names of addresses, for people who read the file. */
  readonly names: readonly { readonly ip: Ip; readonly names: readonly string[] }[];
  /** Why a part of the way is missing. */
  readonly gaps: readonly string[];
}

/** More addresses are not compared one by one, as a filter has to be short: the port alone decides then. */
const mostAddresses = 16;

/**
 * The links that packets for a port cross, from the ways into the host to the container, with what the same flow looks
 * like at each: DNAT gives it another end on its way.
 *
 * @param links only these, written `hx0` or `host/hx0`, among all of the host and the containers behind the port
 */
export function tapsFor(
  inspection: Inspection,
  wanted: WantedPort,
  links: readonly string[] = [],
): CapturePlan {
  const map = new HostMap(inspection);
  const relations = new Relations(inspection.snapshot);
  const targets = targetsOf(inspection, wanted);
  const inner = targets.flatMap(({ ip, port }) => (ip === undefined ? [] : [{ ips: [ip], port }]));
  const outer = outerEnds(map.host, wanted, targets);
  const planned = new Map<string, PlannedTap>();
  const gaps: string[] = [];
  const add = (placed: PlacedLink, stage: Stage, ends: readonly FlowEnd[]): void => {
    const tap = describe(map, placed, stage, ends);
    if (!planned.has(tap.name)) planned.set(tap.name, tap);
  };
  for (const placed of placesOf(relations, targets, gaps)) {
    const veth = relations.peerOf(placed) ?? relations.parentOf(placed);
    const bridge = veth && relations.masterOf(veth);
    add(placed, 'container', inner);
    if (veth?.netns === map.host) add(veth, 'port', [...inner, ...outer]);
    if (bridge?.netns === map.host) add(bridge, 'bridge', [...inner, ...outer]);
  }
  for (const placed of uplinksOf(map.host)) add(placed, 'uplink', [...outer, ...inner]);
  const loopback = loopbackOf(map.host, wanted, targets);
  if (loopback !== undefined) add(loopback, 'uplink', outer);
  const isWanted = ({ name, linkName }: PlannedTap): boolean =>
    links.length === 0 || links.includes(linkName) || links.includes(name);
  for (const link of links.filter((each) => ![...planned.values()].some((tap) => isWantedAs(tap, each)))) {
    const found = linkNamed(map, targets, relations, link);
    if (found === undefined)
      gaps.push(`${printable(link)}: neither the host nor a container behind the port has it`);
    else add(found, found.netns === map.host ? 'uplink' : 'container', [...outer, ...inner]);
  }
  const taps = [...planned.values()]
    .filter(isWanted)
    .sort((one, other) => stages.indexOf(one.stage) - stages.indexOf(other.stage));
  return { protocol: wanted.protocol, taps, targets, names: namesOf(map), gaps };
}

function isWantedAs({ name, linkName }: PlannedTap, link: string): boolean {
  return linkName === link || name === link;
}

/** The port as clients know it. */
function outerEnds(
  host: NetnsView,
  { address, container }: WantedPort,
  targets: readonly PortTarget[],
): FlowEnd[] {
  const held = host.addresses.filter(({ scope }) => scope !== 'link');
  const local = [...new Set(held.map((one) => ipOf(one.address)))];
  const places = new Map<string, FlowEnd>();
  for (const { hostIp, hostPort } of targets) {
    if (hostPort === undefined) continue;
    const at = address ?? (hostIp === undefined || isUnspecified(hostIp) ? undefined : hostIp);
    const ips = at === undefined ? (local.length > mostAddresses ? [] : local) : [at];
    places.set(`${at ?? ''} ${hostPort}`, { ips, port: hostPort });
  }
  return container === undefined || places.size > 0 ? [...places.values()] : [];
}

/**
 * The links of containers that have a target's address. Others may have the same address behind other hosts, such as
 * engines that run in containers: only what hangs on this host counts.
 */
function placesOf(relations: Relations, targets: readonly PortTarget[], gaps: string[]): PlacedLink[] {
  return targets.flatMap(({ ip, container }) => {
    if (ip === undefined) return [];
    const places = relations.whereIs(ip).filter((placed) => {
      const other = relations.peerOf(placed) ?? relations.parentOf(placed);
      return placed.netns !== relations.host && other?.netns === relations.host;
    });
    if (places.length === 0) {
      const whose = container === undefined ? '' : ` of ${printable(container)}`;
      gaps.push(`${ip}${whose}: no interface that hangs on this host and could be seen has this address`);
    }
    return places;
  });
}

/** The links of the host by which others reach it: those with an address, and bridges only when they lead further. */
function uplinksOf(host: NetnsView): PlacedLink[] {
  const addressed = new Set(
    host.addresses.filter(({ scope }) => scope === 'global').map(({ linkIndex }) => linkIndex),
  );
  const leading = new Set(
    host.routes
      .filter(({ destination, type }) => destination === undefined && type === 'unicast')
      .flatMap(({ nextHops }) => nextHops.map(({ linkIndex }) => linkIndex)),
  );
  return host.links
    .filter(
      ({ name, kind, index, isUp }) =>
        name !== 'lo' && isUp && (leading.has(index) || (kind !== 'bridge' && addressed.has(index))),
    )
    .map((link) => ({ netns: host, link }));
}

/** Loopback matters where a process of the host holds the port, such as a proxy. */
function loopbackOf(
  host: NetnsView,
  { protocol, port, container }: WantedPort,
  targets: readonly PortTarget[],
): PlacedLink | undefined {
  const ports = new Set(targets.flatMap(({ hostPort }) => hostPort ?? []));
  if (container === undefined) ports.add(port);
  if (!host.sockets.some((socket) => socket.protocol === protocol && ports.has(socket.port)))
    return undefined;
  const link = host.links.find(({ name }) => name === 'lo');
  return link && { netns: host, link };
}

function linkNamed(
  map: HostMap,
  targets: readonly PortTarget[],
  relations: Relations,
  wanted: string,
): PlacedLink | undefined {
  const containers = placesOf(relations, targets, []);
  const namespaces = [map.host, ...containers.map(({ netns }) => netns)];
  for (const netns of namespaces) {
    const link = netns.links.find(
      ({ name }) => name === wanted || `${printable(map.titleOf(netns))}/${printable(name)}` === wanted,
    );
    if (link !== undefined) return { netns, link };
  }
  return undefined;
}

function describe(
  map: HostMap,
  { netns, link }: PlacedLink,
  stage: Stage,
  ends: readonly FlowEnd[],
): PlannedTap {
  const title = printable(map.titleOf(netns));
  const network = map.networkOfBridge(link)?.name ?? map.attachmentOf(netns, link)?.networkName;
  const addresses = map.addressesOf(netns, link);
  return {
    name: `${title}/${printable(link.name)}`,
    description: [
      link.kind ?? 'link',
      `index ${link.index}`,
      ...(network === undefined ? [] : [`network ${printable(network)}`]),
      netns.id,
      ...addresses,
    ].join(', '),
    stage,
    netns: netns.id,
    doors: doorsOf(netns),
    linkIndex: link.index,
    linkName: link.name,
    hasLinkHeader: link.mac !== undefined,
    isLoopback: link.name === 'lo',
    ends,
  };
}

/** What engines call the addresses of containers, and the host its own. */
function namesOf(map: HostMap): CapturePlan['names'] {
  const names = new Map<Ip, Set<string>>();
  const add = (ip: Ip, name: string): void => void names.set(ip, (names.get(ip) ?? new Set()).add(name));
  for (const { name, view } of map.containers) {
    for (const { addresses } of view?.attachments ?? []) for (const ip of addresses) add(ip, name);
  }
  for (const { address, scope } of map.host.addresses) {
    if (scope === 'global') add(ipOf(address), map.inspection.snapshot.host.name);
  }
  return [...names].map(([ip, all]) => ({ ip, names: [...all].map(printable) }));
}
