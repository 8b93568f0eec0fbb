import { heightOf, sizes, widthOf, type Box } from './boxes.ts';
import type { GraphEdge, GraphNode } from './topology.ts';
import { labelOf, labelWidth } from './wires.ts';

/** Bars and what hangs below them. */
export interface Hanging {
  readonly bars: readonly GraphNode[];
  readonly cards: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly barY: number;
  readonly cardY: number;
}

/** Up to so many cards hang in one row. */
const mostInRow = 6;

/** Bars side by side, each over its cards; cards without a bar stand at the right end. */
export function placeCards({ bars, cards, edges, barY, cardY }: Hanging): { boxes: Box[]; right: number } {
  const boxes: Box[] = [];
  const into = new Map<string, GraphEdge[]>();
  for (const edge of edges) into.set(edge.to, [...(into.get(edge.to) ?? []), edge]);
  const barIds = new Set(bars.map(({ id }) => id));
  // In the order of the bars, so that a card hangs at the leftmost.
  const barOf = new Map<string, string>();
  for (const { id } of bars) {
    for (const { from, to } of edges) if (from === id && !barOf.has(to)) barOf.set(to, id);
  }
  const barHeight = Math.max(0, ...bars.map(heightOf));
  let x = sizes.margin;
  for (const bar of [...bars, undefined]) {
    const own = cards.filter(({ id }) => barOf.get(id) === bar?.id);
    if (bar === undefined && own.length === 0) continue;
    const isShared = ({ id }: GraphNode): boolean =>
      (into.get(id) ?? []).filter(({ from }) => barIds.has(from)).length > 1;
    const start = x;
    const single = own.filter((card) => !isShared(card));
    // Those that other bars lead to as well stand in the upper row, towards the others.
    const shared = own.filter(isShared);
    let right = placeGrid(single, into, start, cardY, boxes);
    for (const card of shared) {
      const width = cardWidth(card, into);
      boxes.push({ node: card, x: right, y: cardY, width, height: heightOf(card) });
      right += width + sizes.gap;
    }
    const end = Math.max(right - sizes.gap, bar === undefined ? start : start + widthOf(bar));
    if (bar !== undefined) {
      boxes.push({ node: bar, x: start, y: barY, width: end - start, height: barHeight });
    }
    x = end + sizes.gap;
  }
  return { boxes, right: x - sizes.gap };
}

/** Places cards row by row in columns of equal width. @returns where the next card may stand */
function placeGrid(
  cards: readonly GraphNode[],
  into: ReadonlyMap<string, readonly GraphEdge[]>,
  start: number,
  top: number,
  boxes: Box[],
): number {
  const columns =
    cards.length <= mostInRow ? cards.length : Math.max(mostInRow, Math.ceil(Math.sqrt(2 * cards.length)));
  const hasRows = cards.length > columns;
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(
      ...cards.filter((_card, index) => index % columns === column).map((card) => cardWidth(card, into)),
    ),
  );
  let y = top;
  let right = start;
  for (let first = 0; first < cards.length; first += columns) {
    const row = cards.slice(first, first + columns);
    // The wires of lower rows come down at the left of each column.
    let x = start + (hasRows ? sizes.gap : 0);
    for (const [column, card] of row.entries()) {
      const width = hasRows ? (widths[column] ?? 0) : cardWidth(card, into);
      boxes.push({ node: card, x, y, width, height: heightOf(card) });
      x += width + sizes.gap;
    }
    right = Math.max(right, x);
    y += Math.max(...row.map(heightOf)) + sizes.rowGap;
  }
  return right;
}

/** Room for the texts of the card, and for the labels of its wires side by side. */
function cardWidth(card: GraphNode, into: ReadonlyMap<string, readonly GraphEdge[]>): number {
  const edges = into.get(card.id) ?? [];
  const widest = Math.max(0, ...edges.map((edge) => labelWidth(labelOf(edge))));
  return Math.max(widthOf(card), Math.ceil(edges.length * (widest + sizes.padding) + sizes.padding));
}
