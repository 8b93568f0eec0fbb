import type { Address, Ip } from '../../model/index.ts';
import type { LinkView, NetnsId } from '../../observe/host/snapshot.ts';
import { compare, type PlacedContainer } from '../containers-of.ts';
import { examine } from '../doctor/index.ts';
import type { HostMap } from '../host-map.ts';
import { bridgeList, networkReference, type BridgeReport, type NetworkReference } from './bridge-list.ts';
import { listenersOf, type ContainerReport } from './container-report.ts';
import { publishedPorts, type PublishedPort } from './published-ports.ts';
import { vethMap, type VethRow } from './veth-map.ts';
import {
  header,
  interfaceOf,
  isLoopback,
  referenceOf,
  type ContainerReference,
  type InterfaceView,
  type View,
} from './view.ts';

/** The whole host at a glance. */
export interface Overview extends View<'overview'> {
  readonly host: { readonly name: string; readonly kernel: string };
  readonly engines: readonly { readonly kind: string; readonly version: string }[];
  readonly counts: {
    readonly networks: number;
    readonly containers: number;
    readonly running: number;
    readonly namespaces: number;
  };
  /** Links of the host that are no bridge, no end of a container's pair and not loopback: to the LAN, to tunnels. */
  readonly uplinks: readonly Uplink[];
  /** What `inspect bridge` says of each, without the MAC table. */
  readonly bridges: readonly OverviewBridge[];
  /** Pairs that lead to no bridge, and those seen by half. */
  readonly looseVeths: readonly VethRow[];
  /** Containers that stand on a link of the host: macvlan and ipvlan. */
  readonly stacked: readonly VethRow[];
  /** Containers in the host's own namespace. */
  readonly hostNetwork: readonly ContainerReference[];
  /** Running containers with no interface but loopback. */
  readonly isolated: readonly ContainerReference[];
  /** Networks without a bridge that was found and without a running container, such as an unused macvlan's. */
  readonly otherNetworks: readonly NetworkReference[];
  readonly published: readonly PublishedPort[];
  /** By container: what listens inside. */
  readonly listeners: Readonly<Record<string, ContainerReport['listeners']>>;
  readonly stopped: readonly { readonly name: string; readonly state: string }[];
  /** Namespaces without a container, but the host's. */
  readonly otherNamespaces: readonly {
    readonly id: NetnsId;
    readonly title: string;
    readonly path?: string;
  }[];
  /** How much `tsnet doctor` finds in what was read here. */
  readonly findings: { readonly errors: number; readonly warnings: number; readonly notes: number };
  readonly gaps: readonly { readonly what: string; readonly why: string }[];
}

/** A link of the host with the ways it leads to. */
export interface Uplink extends InterfaceView {
  /** Gateways of default routes over it. */
  readonly defaultGateways: readonly Ip[];
  /** Where its other end is, if it is a veth. */
  readonly peerPlace?: string;
}

/** A bridge with its ports. */
export interface OverviewBridge extends Omit<BridgeReport, 'forwarding' | 'published' | 'ports'> {
  readonly ports: readonly OverviewPort[];
}

/** A port of a bridge and the containers behind it. */
export interface OverviewPort {
  readonly name: string;
  readonly linkState: LinkView['operState'];
  readonly portState: string;
  readonly container?: string;
  /** Containers that use the same interface. */
  readonly sharedWith: readonly string[];
  readonly place?: string;
  readonly interface?: string;
  readonly addresses: readonly Address[];
}

const stoppedStates: ReadonlySet<string> = new Set(['created', 'exited', 'dead', 'removing']);

/** The whole host. */
export function overview(map: HostMap): Overview {
  const { snapshot, engines } = map.inspection;
  const rows = vethMap(map).rows;
  const bridges = bridgeList(map).bridges.filter(({ netns }) => netns === map.host.id);
  const shown = new Set(rows.map(({ network }) => network));
  const found = new Set(bridges.flatMap(({ network }) => network?.id ?? []));
  return {
    ...header(map.inspection, 'overview'),
    host: snapshot.host,
    engines: engines.map(({ kind, version }) => ({ kind, version })),
    counts: {
      networks: map.networks.length,
      containers: map.containers.length,
      running: map.containers.filter(isRunning).length,
      namespaces: map.namespaces.length,
    },
    uplinks: uplinksOf(map),
    bridges: bridges.map((bridge) => overviewBridge(map, bridge)),
    looseVeths: rows.filter(
      ({ type, bridge, container, hostNetns }) =>
        (type === 'veth' && bridge === undefined && container !== undefined && hostNetns === map.host.id) ||
        (type === 'unseen' && bridge === undefined),
    ),
    stacked: rows.filter(({ type }) => type === 'macvlan' || type === 'ipvlan'),
    hostNetwork: map.containersIn(map.host.id).map(referenceOf),
    isolated: rows.flatMap(({ type, container }) => {
      const one = map.containers.find(({ name }) => type === 'none' && name === container);
      return one === undefined ? [] : [referenceOf(one)];
    }),
    otherNetworks: map.networks
      .filter(
        ({ id, name, driver }) =>
          !found.has(id) && !shown.has(name) && driver !== 'host' && driver !== 'null',
      )
      .map(networkReference),
    published: publishedPorts(map, map.containers.filter(isRunning)),
    listeners: Object.fromEntries(
      map.containers.flatMap(({ name, netns: id, mode }) => {
        const netns =
          id === undefined || id === map.host.id || mode === 'container' ? undefined : map.netns(id);
        return netns === undefined || netns.sockets.length === 0 ? [] : [[name, listenersOf(netns)]];
      }),
    ),
    stopped: map.containers.flatMap(({ name, view }) =>
      view !== undefined && stoppedStates.has(view.state) ? [{ name, state: view.state }] : [],
    ),
    otherNamespaces: map.namespaces
      .filter(({ id }) => id !== map.host.id && map.ownerOf(id) === undefined)
      .map((netns) => {
        const [path] = netns.paths;
        return { id: netns.id, title: map.titleOf(netns), ...(path === undefined ? {} : { path }) };
      }),
    findings: countFindings(map),
    gaps: snapshot.gaps,
  };
}

function countFindings({ inspection }: HostMap): Overview['findings'] {
  const { findings } = examine(inspection);
  const count = (wanted: (typeof findings)[number]['severity']): number =>
    findings.filter(({ severity }) => severity === wanted).length;
  return { errors: count('error'), warnings: count('warning'), notes: count('note') };
}

function isRunning({ view, netns }: PlacedContainer): boolean {
  return view === undefined ? netns !== undefined : !stoppedStates.has(view.state);
}

function uplinksOf(map: HostMap): Uplink[] {
  const { host } = map;
  return host.links
    .filter((link) => !isLoopback(link) && link.kind !== 'bridge' && link.masterIndex === undefined)
    .flatMap((link) => {
      const peer = link.kind === 'veth' ? map.peerOf(host, link) : undefined;
      if (link.kind === 'veth' && (peer === undefined || map.ownerOf(peer.netns.id) !== undefined)) return [];
      // An unused tunnel that its module made at start.
      if (!link.isUp && map.addressesOf(host, link).length === 0) return [];
      return [
        {
          ...interfaceOf(map, host, link),
          defaultGateways: host.routes
            .filter(({ destination, table }) => destination === undefined && table !== localTable)
            .flatMap(({ nextHops }) => nextHops.filter(({ linkIndex }) => linkIndex === link.index))
            .flatMap(({ gateway }) => gateway ?? []),
          ...(peer === undefined ? {} : { peerPlace: map.titleOf(peer.netns) }),
        },
      ];
    })
    .sort((one, other) => compare(one.name, other.name));
}

const localTable = 255;

function overviewBridge(map: HostMap, report: BridgeReport): OverviewBridge {
  const { forwarding: _table, published: _published, ports, ...rest } = report;
  return {
    ...rest,
    ports: ports
      .map(({ name, linkState, portState, container, place, interface: inside, addresses }) => ({
        name,
        linkState,
        portState,
        ...(container === undefined ? {} : { container }),
        sharedWith:
          container === undefined
            ? []
            : (map.containers.find((one) => one.name === container)?.sharedWith ?? []),
        ...(place === undefined ? {} : { place }),
        ...(inside === undefined ? {} : { interface: inside }),
        addresses,
      }))
      .sort(
        (one, other) =>
          compare(one.container ?? '\uffff', other.container ?? '\uffff') || compare(one.name, other.name),
      ),
  };
}
