import { heightOf, sizes, widthOf, type Box, type Wire } from './boxes.ts';
import { placeCards } from './cards.ts';
import type { GraphNode, Topology } from './topology.ts';
import { wiresOf } from './wires.ts';

/** A picture without its looks. */
export interface Layout {
  readonly boxes: readonly Box[];
  readonly wires: readonly Wire[];
  readonly width: number;
  readonly height: number;
}

/**
 * Places nodes in layers: links, the host over the whole width, bridges over their stacks, stacks below their first
 * bridge, in several rows where there are many. No forces and no chance: the same topology gives the same picture.
 */
export function layOut({ nodes, edges }: Topology): Layout {
  const ofKind = (...kinds: readonly GraphNode['kind'][]): GraphNode[] =>
    nodes.filter(({ kind }) => kinds.includes(kind));
  const bars = ofKind('bridge', 'segment');
  const links = ofKind('link');
  const hosts = ofKind('host');
  const linkY = sizes.margin;
  const hostY = linkY + (links.length === 0 ? 0 : tallest(links) + sizes.layerGap);
  const barY = hostY + tallest(hosts) + sizes.layerGap;
  const cardY = barY + (bars.length === 0 ? 0 : tallest(bars) + sizes.layerGap);

  const placed = placeCards({ bars, cards: ofKind('stack'), edges, barY, cardY });
  const boxes = new Map(placed.boxes.map((box) => [box.node.id, box]));
  const upper = [sizes.margin, ...links.map((node) => widthOf(node) + sizes.gap)].reduce(
    (sum, one) => sum + one,
    0,
  );
  const right =
    Math.max(placed.right + sizes.gap, upper, sizes.margin + Math.max(0, ...hosts.map(widthOf)) + sizes.gap) -
    sizes.gap;
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

function tallest(nodes: readonly GraphNode[]): number {
  return Math.max(0, ...nodes.map(heightOf));
}
