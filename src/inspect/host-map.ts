import { ipOf, type Address, type Ip } from '../model/index.ts';
import { Relations, type PlacedLink } from '../observe/host/relations.ts';
import { emptyNetns } from '../observe/host/empty-netns.ts';
import type { LinkView, NetnsId, NetnsView } from '../observe/host/snapshot.ts';
import { compare, containersOf, type PlacedContainer } from './containers-of.ts';
import type { AttachmentView, EngineView, NetworkView } from './engines/container-view.ts';
import type { Inspection } from './inspection.ts';

/** Drivers whose networks are no bridge, so that a bridge with their gateway is somebody else's. */
const withoutBridge: ReadonlySet<string> = new Set(['macvlan', 'ipvlan', 'host', 'null', 'none']);

/** A network and the engine that knows it. */
export interface EngineNetwork extends NetworkView {
  readonly engine: EngineView['kind'];
}

/**
 * What the kernel holds and what engines meant, put together: whose a namespace is, and which network a link or a bridge
 * belongs to. Each answer costs as much as it holds.
 */
export class HostMap {
  readonly inspection: Inspection;
  readonly relations: Relations;
  /** The namespace that counts as the host. */
  readonly host: NetnsView;
  /** In the snapshot's order, the host's first. */
  readonly namespaces: readonly NetnsView[];
  /** By name. */
  readonly containers: readonly PlacedContainer[];
  /** By name. */
  readonly networks: readonly EngineNetwork[];
  readonly #containers = new Map<NetnsId, PlacedContainer[]>();
  readonly #networkOfBridge = new Map<string, EngineNetwork>();
  readonly #bridgeOfNetwork = new Map<string, LinkView>();

  constructor(inspection: Inspection) {
    const { snapshot, engines } = inspection;
    this.inspection = inspection;
    this.namespaces = snapshot.namespaces;
    this.relations = new Relations(snapshot);
    this.host = this.relations.host ?? emptyNetns(snapshot.hostNetns);
    this.containers = containersOf(inspection);
    for (const container of this.containers) {
      if (container.netns === undefined) continue;
      this.#containers.set(container.netns, [...(this.#containers.get(container.netns) ?? []), container]);
    }
    this.networks = engines
      .flatMap(({ kind, networks }) => networks.map((network) => ({ ...network, engine: kind })))
      .sort((one, other) => compare(one.name, other.name) || compare(one.id, other.id));
    this.#pairNetworksWithBridges();
  }

  netns(id: NetnsId): NetnsView | undefined {
    return this.relations.netnsById(id);
  }

  link(netns: NetnsView, index: number | undefined): LinkView | undefined {
    return index === undefined ? undefined : this.relations.linkAt(netns, index)?.link;
  }

  addressesOf(netns: NetnsView, link: LinkView): readonly Address[] {
    return this.relations.addressesOf({ netns, link }).map(({ address }) => address);
  }

  /** Links that belong to a bridge, bond or VRF. */
  portsOf(netns: NetnsView, master: LinkView): readonly LinkView[] {
    return this.relations.portsOf({ netns, link: master }).map(({ link }) => link);
  }

  masterOf(netns: NetnsView, link: LinkView): LinkView | undefined {
    return this.relations.masterOf({ netns, link })?.link;
  }

  /** The other end of a veth, or what a VLAN, macvlan or ipvlan rides on; undefined where that was not seen. */
  peerOf(netns: NetnsView, link: LinkView): PlacedLink | undefined {
    return this.relations.peerOf({ netns, link }) ?? this.relations.parentOf({ netns, link });
  }

  /** Containers in a namespace, by name; one that shares another's network stands behind it. */
  containersIn(netns: NetnsId): readonly PlacedContainer[] {
    const found = this.#containers.get(netns) ?? [];
    if (found.length < 2) return found;
    return [...found].sort(
      (one, other) => Number(one.mode === 'container') - Number(other.mode === 'container'),
    );
  }

  /** The container whose network a namespace is; undefined for the host's and for those without a container. */
  ownerOf(netns: NetnsId): PlacedContainer | undefined {
    return netns === this.host.id ? undefined : this.containersIn(netns)[0];
  }

  /** How people call a namespace: `host`, its container, the name of its file, else its first process or its id. */
  titleOf(netns: NetnsView): string {
    if (netns.id === this.host.id) return 'host';
    const owner = this.ownerOf(netns.id);
    if (owner !== undefined) return owner.name;
    const [path] = netns.paths;
    if (path !== undefined) return path.slice(path.lastIndexOf('/') + 1);
    const [process] = netns.processes;
    return process === undefined ? netns.id : `${process.command}[${process.pid}]`;
  }

  /** What its engine says of the network that a container's link leads to. */
  attachmentOf(netns: NetnsView, link: LinkView): AttachmentView | undefined {
    const attachments = this.ownerOf(netns.id)?.view?.attachments ?? [];
    const ips = new Set<Ip>(this.addressesOf(netns, link).map(ipOf));
    return (
      attachments.find(({ addresses }) => addresses.some((ip) => ips.has(ip))) ??
      attachments.find(({ mac }) => mac !== undefined && mac === link.mac)
    );
  }

  /** The network that a bridge of the host is. */
  networkOfBridge(bridge: LinkView): EngineNetwork | undefined {
    return this.#networkOfBridge.get(bridge.name);
  }

  /** The bridge of the host that a network is; undefined for other drivers, and where it is missing. */
  bridgeOfNetwork(network: NetworkView): LinkView | undefined {
    return this.#bridgeOfNetwork.get(network.id);
  }

  /** The name that an engine gives it, else the mark that tsnet leaves on its bridges, else a gateway's address. */
  #pairNetworksWithBridges(): void {
    const bridges = this.host.links.filter(({ kind }) => kind === 'bridge');
    const byName = new Map(bridges.map((link) => [link.name, link]));
    const byMark = new Map(bridges.flatMap((link) => (link.alias === undefined ? [] : [[link.alias, link]])));
    const byIp = new Map(
      bridges.flatMap((link) => this.addressesOf(this.host, link).map((one) => [ipOf(one), link] as const)),
    );
    for (const network of this.networks) {
      const bridge =
        byMark.get(`tsnet:network:${network.id}`) ??
        byName.get(network.bridge ?? '') ??
        (withoutBridge.has(network.driver) ? [] : network.subnets)
          .map(({ gateway }) => gateway && byIp.get(gateway))
          .find((link) => link !== undefined);
      if (bridge === undefined) continue;
      this.#bridgeOfNetwork.set(network.id, bridge);
      this.#networkOfBridge.set(bridge.name, network);
    }
  }
}
