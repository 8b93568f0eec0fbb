import {
  familyOf,
  familyOfRange,
  ipOf,
  prefixOf,
  subnetOf,
  type Ip,
  type IpFamily,
  type Subnet,
} from '../../model/index.ts';
import { Relations } from '../../observe/host/relations.ts';
import type { LinkView, NetnsId, NetnsView, Snapshot, SocketView } from '../../observe/host/snapshot.ts';
import type { ContainerView, EngineView, NetworkView } from '../engines/container-view.ts';
import { containersOf } from '../containers-of.ts';
import type { Inspection } from '../inspection.ts';

/** A container with the engine that runs it. */
export interface Owned {
  readonly engine: EngineView;
  readonly container: ContainerView;
}

const known = new WeakMap<Snapshot, Relations>();
const placed = new WeakMap<Inspection, ReadonlyMap<string, NetnsId | undefined>>();

/** What belongs together in a snapshot, found out once. */
export function relationsOf({ snapshot }: Inspection): Relations {
  const relations = known.get(snapshot) ?? new Relations(snapshot);
  known.set(snapshot, relations);
  return relations;
}

/** The namespace that counts as the host. */
export function hostOf({ snapshot }: Inspection): NetnsView {
  const found = snapshot.namespaces.find(({ id }) => id === snapshot.hostNetns);
  if (found === undefined) throw new RangeError(`the snapshot lacks its host ${snapshot.hostNetns}`);
  return found;
}

/** All containers of all engines. */
export function allContainers({ engines }: Inspection): Owned[] {
  return engines.flatMap((engine) => engine.containers.map((container) => ({ engine, container })));
}

/** The container that is called so, or whose id begins so when only one does. */
export function findContainer(inspection: Inspection, name: string): Owned | undefined {
  const all = allContainers(inspection);
  const exact = all.find(({ container }) => container.name === name || container.id === name);
  if (exact !== undefined) return exact;
  const matching = all.filter(({ container }) => name.length >= 4 && container.id.startsWith(name));
  return matching.length === 1 ? matching[0] : undefined;
}

/** Where a container's processes are; undefined while it does not run or where nothing shows it. */
export function netnsOf(inspection: Inspection, container: ContainerView): NetnsView | undefined {
  const places =
    placed.get(inspection) ?? new Map(containersOf(inspection).map(({ id, netns }) => [id, netns]));
  placed.set(inspection, places);
  const id = places.get(container.id);
  return id === undefined ? undefined : relationsOf(inspection).netnsById(id);
}

/** The running containers in a namespace, by name; several where they share it. */
export function containersIn(inspection: Inspection, id: NetnsId): ContainerView[] {
  return allContainers(inspection)
    .map(({ container }) => container)
    .filter((container) => netnsOf(inspection, container)?.id === id);
}

export function linkCalled(netns: NetnsView, name: string | undefined): LinkView | undefined {
  return name === undefined ? undefined : netns.links.find((link) => link.name === name);
}

export function linkAt(netns: NetnsView, index: number | undefined): LinkView | undefined {
  return index === undefined ? undefined : netns.links.find((link) => link.index === index);
}

/** The link that holds an address. */
export function linkWith(netns: NetnsView, ip: Ip): LinkView | undefined {
  const held = netns.addresses.find(({ address }) => ipOf(address) === ip);
  return linkAt(netns, held?.linkIndex);
}

/** The addresses of a link, or of all links. */
export function ipsOf(netns: NetnsView, link?: LinkView, family?: IpFamily): Ip[] {
  return netns.addresses
    .filter(({ linkIndex }) => link === undefined || linkIndex === link.index)
    .map(({ address }) => ipOf(address))
    .filter((ip) => family === undefined || familyOf(ip) === family);
}

/** The network with this id, of any engine. */
export function networkById({ engines }: Inspection, id: string): NetworkView | undefined {
  return engines.flatMap(({ networks }) => networks).find((network) => network.id === id);
}

/** The kind of engine that a network belongs to. */
export function engineKindOf({ engines }: Inspection, { id }: NetworkView): EngineView['kind'] | undefined {
  return engines.find(({ networks }) => networks.some((network) => network.id === id))?.kind;
}

/** The network whose subnets hold an address, and that a container is in. */
export function networkOf(inspection: Inspection, container: ContainerView, ip: Ip): NetworkView | undefined {
  const attachment = container.attachments.find(({ addresses }) => addresses.includes(ip));
  return attachment && networkById(inspection, attachment.networkId);
}

/** The link on the host that stands for a network: its bridge. */
export function bridgeOf(inspection: Inspection, network: NetworkView): LinkView | undefined {
  const host = hostOf(inspection);
  const gateways = network.subnets.flatMap(({ gateway }) => gateway ?? []);
  return (
    linkCalled(host, network.bridge) ??
    gateways.map((gateway) => linkWith(host, gateway)).find((link) => link?.kind === 'bridge')
  );
}

/** The subnet of a network in one family. */
export function subnetIn(network: NetworkView, family: IpFamily): Subnet | undefined {
  return network.subnets.find(({ subnet }) => familyOfRange(subnet) === family)?.subnet;
}

/**
 * The gateway of a network in one family: an engine that chose it itself tells it at the containers only.
 */
export function gatewayIn(inspection: Inspection, network: NetworkView, family: IpFamily): Ip | undefined {
  const said = network.subnets.flatMap(({ gateway }) => gateway ?? []);
  const given = allContainers(inspection)
    .flatMap(({ container }) => container.attachments)
    .flatMap((attachment) => (attachment.networkId === network.id ? (attachment.gateway ?? []) : []));
  return [...said, ...given].find((ip) => familyOf(ip) === family);
}

/** The sockets of a namespace that take what is sent to a port by a protocol. */
export function listenersOn(netns: NetnsView, protocol: string, port: number): SocketView[] {
  return netns.sockets.filter((socket) => socket.protocol === protocol && socket.port === port);
}

/** Whether a socket takes what is sent to an address. */
export function takes(socket: SocketView, ip: Ip): boolean {
  if (socket.ip === ip) return true;
  const family = familyOf(ip);
  if (socket.ip === '0.0.0.0') return family === 4;
  if (socket.ip === '::') return family === 6 || !socket.isIpv6Only;
  return socket.ip === `::ffff:${ip}`;
}

export function isLoopback(ip: Ip): boolean {
  return ip === '::1' || ip.startsWith('127.');
}

/** The address that speaks for a namespace towards a link: the first global one of the family. */
export function ownAddress(netns: NetnsView, link: LinkView, family: IpFamily): Ip | undefined {
  const held = netns.addresses.filter(
    ({ linkIndex, address }) => linkIndex === link.index && familyOf(ipOf(address)) === family,
  );
  return ipOfFirst(held.filter(({ scope }) => scope === 'global')) ?? ipOfFirst(held);
}

/** The subnets that a link's addresses lie in. */
export function subnetsOf(netns: NetnsView, link: LinkView): Subnet[] {
  return netns.addresses
    .filter(({ linkIndex, address }) => linkIndex === link.index && prefixOf(address) < 128)
    .map(({ address }) => subnetOf(address));
}

function ipOfFirst(held: readonly { readonly address: Parameters<typeof ipOf>[0] }[]): Ip | undefined {
  return held[0] === undefined ? undefined : ipOf(held[0].address);
}
