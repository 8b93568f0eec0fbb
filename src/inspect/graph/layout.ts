import type { GraphEdge, GraphNode, Topology } from './topology.ts';

/** A node at its place, in pixels. */
export interface Box {
  readonly node: GraphNode;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** An edge at its place: from the lower side of one box to the upper side of another. */
export interface Wire {
  readonly edge: GraphEdge;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** A picture without its looks. */
export interface Layout {
  readonly boxes: readonly Box[];
  readonly wires: readonly Wire[];
  readonly width: number;
  readonly height: number;
}

/** In pixels. A character of 12px monospace is about 7.3 wide. */
export const sizes = {
  margin: 20,
  gap: 24,
  layerGap: 56,
  padding: 8,
  line: 16,
  character: 7.3,
  narrowest: 110,
};

/**
 * Places nodes in four rows: links, the host over the whole width, bridges over their stacks, stacks below their first
 * bridge. No forces and no chance: the same topology gives the same picture.
 */
export function layOut({ nodes, edges }: Topology): Layout {
  const ofKind = (...kinds: readonly GraphNode['kind'][]): GraphNode[] =>
    nodes.filter(({ kind }) => kinds.includes(kind));
  const parentOf = new Map<string, string>();
  for (const { from, to } of edges) if (!parentOf.has(to)) parentOf.set(to, from);
  const stacks = ofKind('stack');
  const bars = ofKind('bridge', 'segment');
  const barIds = new Set(bars.map(({ id }) => id));
  const groups = [
    ...bars.map((bar) => ({ bar, cards: stacks.filter(({ id }) => parentOf.get(id) === bar.id) })),
    { bar: undefined, cards: stacks.filter(({ id }) => !barIds.has(parentOf.get(id) ?? '')) },
  ].filter(({ bar, cards }) => bar !== undefined || cards.length > 0);

  const links = ofKind('link');
  const hosts = ofKind('host');
  const linkY = sizes.margin;
  const hostY = linkY + (links.length === 0 ? 0 : tallest(links) + sizes.layerGap);
  const barY = hostY + tallest(hosts) + sizes.layerGap;
  const cardY = barY + (bars.length === 0 ? 0 : tallest(bars) + sizes.layerGap);

  const boxes = new Map<string, Box>();
  let x = sizes.margin;
  for (const { bar, cards } of groups) {
    const start = x;
    for (const card of cards) {
      boxes.set(card.id, { node: card, x, y: cardY, width: widthOf(card), height: heightOf(card) });
      x += widthOf(card) + sizes.gap;
    }
    const end = Math.max(x - sizes.gap, bar === undefined ? start : start + widthOf(bar));
    if (bar !== undefined) {
      boxes.set(bar.id, { node: bar, x: start, y: barY, width: end - start, height: heightOf(bar) });
    }
    x = end + sizes.gap;
  }
  const upper = [sizes.margin, ...links.map((node) => widthOf(node) + sizes.gap)].reduce(
    (sum, one) => sum + one,
    0,
  );
  const right = Math.max(x, upper, sizes.margin + Math.max(0, ...hosts.map(widthOf)) + sizes.gap) - sizes.gap;
  let linkX = sizes.margin;
  for (const node of links) {
    boxes.set(node.id, { node, x: linkX, y: linkY, width: widthOf(node), height: heightOf(node) });
    linkX += widthOf(node) + sizes.gap;
  }
  for (const node of hosts) {
    boxes.set(node.id, {
      node,
      x: sizes.margin,
      y: hostY,
      width: right - sizes.margin,
      height: heightOf(node),
    });
  }
  const bottom = Math.max(0, ...[...boxes.values()].map(({ y, height }) => y + height));
  return {
    // What lies behind is drawn first.
    boxes: nodes.flatMap(({ id }) => boxes.get(id) ?? []),
    wires: wiresOf(edges, boxes),
    width: Math.ceil(right + sizes.margin),
    height: Math.ceil(bottom + sizes.margin),
  };
}

/** Wires that end at the same card are spread over its upper side; above they go straight up where they can. */
function wiresOf(edges: readonly GraphEdge[], boxes: ReadonlyMap<string, Box>): Wire[] {
  const ends = new Map<string, GraphEdge[]>();
  for (const edge of edges) ends.set(edge.to, [...(ends.get(edge.to) ?? []), edge]);
  return edges.flatMap((edge) => {
    const [from, to] = [boxes.get(edge.from), boxes.get(edge.to)];
    if (from === undefined || to === undefined) return [];
    const same = ends.get(edge.to) ?? [];
    const share = (same.indexOf(edge) + 1) / (same.length + 1);
    // The host is as wide as the picture: what leads to it comes straight down.
    const x2 = Math.round(to.node.kind === 'host' ? from.x + from.width / 2 : to.x + to.width * share);
    const x1 = Math.round(
      Math.min(Math.max(x2, from.x + sizes.padding), from.x + from.width - sizes.padding),
    );
    return [{ edge, x1, y1: from.y + from.height, x2, y2: to.y }];
  });
}

function widthOf({ title, lines }: GraphNode): number {
  const longest = Math.max(...[title, ...lines].map((line) => Array.from(line).length));
  return Math.max(sizes.narrowest, Math.ceil(longest * sizes.character + 2 * sizes.padding));
}

function heightOf({ lines }: GraphNode): number {
  return (lines.length + 1) * sizes.line + 2 * sizes.padding;
}

function tallest(nodes: readonly GraphNode[]): number {
  return Math.max(0, ...nodes.map(heightOf));
}
