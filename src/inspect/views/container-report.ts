import type { Ip, Subnet } from '../../model/index.ts';
import type { NetnsId, NetnsView, SocketView } from '../../observe/host/snapshot.ts';
import { compare, type PlacedContainer } from '../containers-of.ts';
import type { ContainerView, PublishedView } from '../engines/container-view.ts';
import type { HostMap } from '../host-map.ts';
import { findNamed } from './find.ts';
import { portsOf } from './published-ports.ts';
import {
  header,
  interfaceOf,
  isLoopback,
  referenceOf,
  type ContainerReference,
  type InterfaceView,
  type View,
} from './view.ts';

/** A container's network, as its engine meant it and as the kernel holds it. */
export interface ContainerReport extends View<'container'>, ContainerReference {
  readonly image?: string;
  readonly state: ContainerView['state'];
  readonly health?: string;
  /** The engine's own reason why it did not start. */
  readonly error?: string;
  readonly exitCode?: number;
  readonly pid?: number;
  /** As in `PlacedContainer`: `host`, `none`, `container`, else a network's driver. */
  readonly mode: string;
  readonly owner?: string;
  readonly sharedWith: readonly string[];
  readonly netns?: NetnsId;
  readonly netnsPaths: readonly string[];
  /** What the container was attached to, with the interface that serves it where one was found. */
  readonly networks: readonly ContainerNetwork[];
  /** All but loopback; none in the host's namespace, whose links are not the container's. */
  readonly interfaces: readonly ContainerInterface[];
  readonly routes: readonly ContainerRoute[];
  /** What listens in its namespace; none for the host's, where sockets are everybody's. */
  readonly listeners: readonly Pick<SocketView, 'protocol' | 'ip' | 'port' | 'process'>[];
  readonly published: readonly PublishedView[];
  readonly exposed: readonly string[];
}

/** A network that the container is in. */
export interface ContainerNetwork {
  readonly id: string;
  readonly name: string;
  readonly driver?: string;
  readonly addresses: readonly Ip[];
  readonly gateway?: Ip;
  readonly aliases: readonly string[];
  /** Absent while it does not run, and where no interface has its address. */
  readonly interface?: string;
}

/** An interface of the container and where it leads. */
export interface ContainerInterface extends InterfaceView {
  readonly network?: string;
  /** The end outside, or the link that a macvlan or ipvlan stands on. */
  readonly hostVeth?: string;
  readonly hostIndex?: number;
  readonly hostPlace?: string;
  readonly bridge?: string;
}

/** A route of the main table. */
export interface ContainerRoute {
  /** `default` for everything else. */
  readonly destination: Subnet | 'default';
  readonly gateway?: Ip;
  readonly interface?: string;
}

const mainTable = 254;

/** A container by name, id or beginning of an id. @throws not-found, conflict */
export function containerReport(map: HostMap, name: string): ContainerReport {
  const container = findNamed(map.containers, name, 'container');
  const { view, netns: id, mode, owner, sharedWith, pid } = container;
  const netns = id === undefined ? undefined : map.netns(id);
  const own = netns === undefined || netns.id === map.host.id ? undefined : netns;
  const interfaces = own === undefined ? [] : interfacesOf(map, own);
  return {
    ...header(map.inspection, 'container'),
    ...referenceOf(container),
    ...(view === undefined ? {} : { image: view.image }),
    state: view?.state ?? (id === undefined ? 'unknown' : 'running'),
    ...(view?.health === undefined ? {} : { health: view.health }),
    ...(view?.error === undefined ? {} : { error: view.error }),
    ...(view?.exitCode === undefined || view.state === 'running' ? {} : { exitCode: view.exitCode }),
    ...(pid === undefined ? {} : { pid }),
    mode,
    ...(owner === undefined ? {} : { owner }),
    sharedWith,
    ...(id === undefined ? {} : { netns: id }),
    netnsPaths: netns?.paths ?? [],
    networks: networksOf(map, container, interfaces),
    interfaces,
    routes: own === undefined ? [] : routesOf(map, own),
    listeners: own === undefined ? [] : listenersOf(own),
    published: portsOf(map, container),
    exposed: view?.exposedPorts ?? [],
  };
}

/** The interfaces of a namespace but loopback, with where they lead. */
export function interfacesOf(map: HostMap, netns: NetnsView): ContainerInterface[] {
  return netns.links
    .filter((link) => !isLoopback(link))
    .map((link) => {
      const outside = map.peerOf(netns, link);
      const bridge = outside === undefined ? undefined : map.masterOf(outside.netns, outside.link);
      const network =
        map.attachmentOf(netns, link)?.networkName ??
        (bridge !== undefined && outside?.netns.id === map.host.id
          ? map.networkOfBridge(bridge)?.name
          : undefined);
      return {
        ...interfaceOf(map, netns, link),
        ...(network === undefined ? {} : { network }),
        ...(outside === undefined
          ? {}
          : {
              hostVeth: outside.link.name,
              hostIndex: outside.link.index,
              hostPlace: map.titleOf(outside.netns),
            }),
        ...(bridge === undefined ? {} : { bridge: bridge.name }),
      };
    })
    .sort((one, other) => one.index - other.index);
}

function networksOf(
  map: HostMap,
  { view }: PlacedContainer,
  interfaces: readonly ContainerInterface[],
): ContainerNetwork[] {
  return (view?.attachments ?? [])
    .map(({ networkId, networkName, addresses, gateway, aliases }) => {
      const driver = map.networks.find(({ id }) => id === networkId)?.driver;
      const link = interfaces.find((one) =>
        one.addresses.some((address) => addresses.some((ip) => address.startsWith(`${ip}/`))),
      );
      return {
        id: networkId,
        name: networkName,
        ...(driver === undefined ? {} : { driver }),
        addresses,
        ...(gateway === undefined ? {} : { gateway }),
        aliases,
        ...(link === undefined ? {} : { interface: link.name }),
      };
    })
    .sort((one, other) => compare(one.name, other.name));
}

function routesOf(map: HostMap, netns: NetnsView): ContainerRoute[] {
  return netns.routes
    .filter(({ table, type }) => table === mainTable && type === 'unicast')
    .filter(({ destination }) => destination?.startsWith('fe80:') !== true)
    .flatMap(({ destination, nextHops }) =>
      (nextHops.length === 0 ? [undefined] : nextHops).map((hop) => {
        const link = map.link(netns, hop?.linkIndex)?.name;
        return {
          destination: destination ?? ('default' as const),
          ...(hop?.gateway === undefined ? {} : { gateway: hop.gateway }),
          ...(link === undefined ? {} : { interface: link }),
        };
      }),
    );
}

/** What listens in a namespace, by port. */
export function listenersOf({ sockets }: NetnsView): ContainerReport['listeners'] {
  return sockets
    .map(({ protocol, ip, port, process }) => ({
      protocol,
      ip,
      port,
      ...(process === undefined ? {} : { process }),
    }))
    .sort(
      (one, other) =>
        one.port - other.port || compare(one.protocol, other.protocol) || compare(one.ip, other.ip),
    );
}
