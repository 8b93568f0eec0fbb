import { sizes, type Box, type Wire } from './boxes.ts';
import type { GraphEdge } from './topology.ts';

/** What is written at the lower end of a wire: the name of the end outside. */
export function labelOf({ label }: GraphEdge): string {
  return label.split(' ')[0] ?? '';
}

/** Of a label, in pixels. */
export function labelWidth(label: string): number {
  return Array.from(label).length * sizes.labelCharacter;
}

/** Between wires that leave a box at the same corner. */
const cornerStep = 6;

/**
 * Wires that end at the same card are spread over its upper side, in the order in which they come, with room for their
 * labels. Above, a wire goes straight up where it can. To a card in a lower row it comes down at the left of its column.
 */
export function wiresOf(edges: readonly GraphEdge[], boxes: ReadonlyMap<string, Box>): Wire[] {
  const into = new Map<string, GraphEdge[]>();
  for (const edge of edges) into.set(edge.to, [...(into.get(edge.to) ?? []), edge]);
  const centre = (id: string): number => {
    const box = boxes.get(id);
    return box === undefined ? 0 : box.x + box.width / 2;
  };
  for (const some of into.values()) some.sort((one, other) => centre(one.from) - centre(other.from));
  const top = Math.min(...[...boxes.values()].flatMap(({ node, y }) => (node.kind === 'stack' ? [y] : [])));
  const corners = new Map<string, number>();
  return edges.flatMap((edge): Wire[] => {
    const [from, to] = [boxes.get(edge.from), boxes.get(edge.to)];
    if (from === undefined || to === undefined) return [];
    const y1 = from.y + from.height;
    if (to.node.kind === 'stack' && to.y > top) {
      const x = to.x - sizes.gap / 2;
      const label = { x: to.x + 4, y: to.y - 6 };
      return [{ edge, x1: x, y1, x2: to.x, y2: Math.round(to.y + to.height / 2), end: 'side', label }];
    }
    const x2 = endOf(edge, from, to, into.get(edge.to) ?? []);
    const [left, right] = [from.x + sizes.padding, from.x + from.width - sizes.padding];
    let x1 = Math.min(Math.max(x2, left), right);
    if (x1 !== x2) {
      const corner = `${edge.from} ${x1 === left ? 'left' : 'right'}`;
      const others = corners.get(corner) ?? 0;
      corners.set(corner, others + 1);
      const step = Math.min(others * cornerStep, from.width / 2 - sizes.padding);
      x1 += x1 === left ? step : -step;
    }
    return [{ edge, x1: Math.round(x1), y1, x2, y2: to.y, end: 'top', label: { x: x2 + 4, y: to.y - 6 } }];
  });
}

/** Where on the upper side of a box a wire ends. */
function endOf(edge: GraphEdge, from: Box, to: Box, same: readonly GraphEdge[]): number {
  // The host is as wide as the picture: what leads to it comes straight down.
  if (to.node.kind === 'host') return Math.round(from.x + from.width / 2);
  if (same.length < 2) {
    const room = to.width - labelWidth(labelOf(edge)) - sizes.padding;
    return Math.round(to.x + Math.max(sizes.padding, Math.min(to.width / 2, room)));
  }
  const slot = (to.width - sizes.padding) / same.length;
  return Math.round(to.x + sizes.padding + slot * same.indexOf(edge));
}
