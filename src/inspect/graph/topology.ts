import type { NetnsView } from '../../observe/host/snapshot.ts';
import { compare } from '../containers-of.ts';
import type { HostMap } from '../host-map.ts';
import { bridgeList, notFound, overview, vethMap, type VethRow } from '../views/index.ts';
import { selectNodes } from './select.ts';

/** Who is connected with whom, in layers: `link`s to other machines, the `host`, its `bridge`s, `stack`s behind them. */
export interface Topology {
  /** By layer, then by name: the same state gives the same picture. */
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** Something that packets come to. */
export interface GraphNode {
  /** Unique; made of texts that may hold anything. */
  readonly id: string;
  /** `segment`: a network without a bridge, such as macvlan's. `stack`: a network namespace with its containers. */
  readonly kind: 'link' | 'host' | 'bridge' | 'segment' | 'stack';
  readonly title: string;
  /** Facts below the title, one line each. */
  readonly lines: readonly string[];
  /** Names by which it can be asked for: of networks and containers. */
  readonly names: readonly string[];
}

/** A way between two nodes, from the upper to the lower layer. */
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** Such as `veth0b1c2d3 ─ eth0 10.66.0.3/24`. */
  readonly label: string;
  /** Whether packets pass it now. */
  readonly isUp: boolean;
}

/**
 * The topology of the host.
 *
 * @param wanted names of networks and containers; none for all
 * @throws not-found for a name that is neither
 */
export function topologyOf(map: HostMap, wanted: readonly string[] = []): Topology {
  const view = overview(map);
  const rows = vethMap(map).rows;
  const nodes: GraphNode[] = [];
  const edges: GraphEdge[] = [];
  const host: GraphNode = {
    id: 'host',
    kind: 'host',
    title: view.host.name,
    lines:
      view.hostNetwork.length === 0
        ? []
        : [`host network: ${view.hostNetwork.map(({ name }) => name).join(', ')}`],
    names: view.hostNetwork.map(({ name }) => name),
  };
  for (const { name, addresses, peerPlace } of view.uplinks) {
    const lines = [
      ...withoutLinkLocal(addresses),
      ...(peerPlace === undefined ? [] : [`to netns ${peerPlace}`]),
    ];
    nodes.push({ id: `link ${name}`, kind: 'link', title: name, lines, names: [] });
    edges.push({ from: `link ${name}`, to: host.id, label: '', isUp: true });
  }
  nodes.push(host);
  for (const bridge of bridgeList(map).bridges.filter(({ netns }) => netns === map.host.id)) {
    const { name, network, addresses, state, ports } = bridge;
    const id = `bridge ${name}`;
    const title = network === undefined ? [] : [`${network.name} (${network.driver})`];
    const names = [name, ...(network === undefined ? [] : [network.name])];
    nodes.push({ id, kind: 'bridge', title: name, lines: [...title, ...withoutLinkLocal(addresses)], names });
    edges.push({ from: host.id, to: id, label: '', isUp: state === 'up' || ports.length === 0 });
    for (const port of ports.filter((one) => one.place === undefined)) {
      nodes.push({ id: `link ${port.name}`, kind: 'link', title: port.name, lines: [port.kind], names: [] });
      edges.push({ from: `link ${port.name}`, to: id, label: '', isUp: port.linkState === 'up' });
    }
  }
  addStacks(map, rows, nodes, edges);
  const whole = { nodes: sorted(nodes), edges: edges.sort(compareEdges) };
  return wanted.length === 0 ? whole : select(whole, wanted);
}

function addStacks(map: HostMap, rows: readonly VethRow[], nodes: GraphNode[], edges: GraphEdge[]): void {
  const segments = new Map<string, GraphNode>();
  const stacks = new Map<string, NetnsView>();
  for (const row of rows) {
    const netns = row.netns === undefined ? undefined : map.netns(row.netns);
    if (netns === undefined || netns.id === map.host.id) continue;
    const isShown =
      row.container !== undefined || (row.hostNetns === map.host.id && row.bridge !== undefined);
    if (isShown) stacks.set(netns.id, netns);
    if (!isShown || row.hostVeth === undefined || row.hostNetns !== map.host.id) continue;
    const isStacked = row.type === 'macvlan' || row.type === 'ipvlan';
    const label = [
      isStacked ? '' : `${row.hostVeth} ─`,
      row.interface ?? '',
      ...withoutLinkLocal(row.addresses),
    ];
    let from = row.bridge === undefined ? 'host' : `bridge ${row.bridge}`;
    if (isStacked) {
      const name = row.network ?? row.type;
      from = `segment ${row.hostVeth} ${name}`;
      if (!segments.has(from)) {
        segments.set(from, {
          id: from,
          kind: 'segment',
          title: name,
          lines: [`${row.type} on ${row.hostVeth}`],
          names: [name],
        });
        const isUplink = nodes.some(({ id }) => id === `link ${row.hostVeth}`);
        edges.push({ from: isUplink ? `link ${row.hostVeth}` : 'host', to: from, label: '', isUp: true });
      }
    }
    edges.push({
      from,
      to: `stack ${netns.id}`,
      label: label.filter(Boolean).join(' '),
      isUp: row.state === 'up',
    });
  }
  nodes.push(...segments.values(), ...[...stacks.values()].map((netns) => stackOf(map, netns, rows)));
}

function stackOf(map: HostMap, netns: NetnsView, rows: readonly VethRow[]): GraphNode {
  const containers = map.containersIn(netns.id);
  const [owner, ...others] = containers;
  const published = containers.flatMap(({ view }) => view?.publishedPorts ?? []);
  const ports = new Set(
    published.map((port) => `:${port.hostPort ?? '?'} → ${port.containerPort}/${port.protocol}`),
  );
  const links = rows.filter((row) => row.netns === netns.id && row.interface !== undefined);
  return {
    id: `stack ${netns.id}`,
    kind: 'stack',
    title: owner?.name ?? `netns ${map.titleOf(netns)}`,
    lines: [
      ...others.map(({ name }) => `+ ${name}`),
      ...links.map((row) => [row.interface, ...withoutLinkLocal(row.addresses)].join(' ')).sort(compare),
      ...(links.length === 0 ? ['no network'] : []),
      ...ports,
    ],
    names: containers.length === 0 ? [map.titleOf(netns)] : containers.map(({ name }) => name),
  };
}

function select(whole: Topology, wanted: readonly string[]): Topology {
  for (const name of wanted) {
    if (whole.nodes.some(({ names }) => names.includes(name))) continue;
    throw notFound(
      'network or container',
      name,
      whole.nodes.flatMap(({ names }) => names),
    );
  }
  return selectNodes(whole, new Set(wanted));
}

function withoutLinkLocal(addresses: readonly string[]): string[] {
  return addresses.filter((address) => !address.startsWith('fe80:'));
}

const layers: readonly GraphNode['kind'][] = ['link', 'host', 'bridge', 'segment', 'stack'];

function sorted(nodes: readonly GraphNode[]): GraphNode[] {
  return [...nodes].sort(
    (one, other) =>
      layers.indexOf(one.kind) - layers.indexOf(other.kind) ||
      compare(one.title, other.title) ||
      compare(one.id, other.id),
  );
}

function compareEdges(one: GraphEdge, other: GraphEdge): number {
  return compare(one.from, other.from) || compare(one.label, other.label) || compare(one.to, other.to);
}
