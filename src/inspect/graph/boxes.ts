import type { GraphEdge, GraphNode } from './topology.ts';

/** A node at its place, in pixels. */
export interface Box {
  readonly node: GraphNode;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** An edge at its place: from the lower side of one box to another. */
export interface Wire {
  readonly edge: GraphEdge;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  /** Where it ends: on the upper side, or, coming down beside a column of cards, on the left. */
  readonly end: 'top' | 'side';
  /** Where its label begins. */
  readonly label: { readonly x: number; readonly y: number };
}

/** In pixels. A character of 12px monospace is about 7.3 wide. */
export const sizes = {
  margin: 20,
  gap: 24,
  layerGap: 56,
  padding: 8,
  line: 16,
  character: 7.3,
  /** Of a label, 10px monospace. */
  labelCharacter: 6.1,
  /** Between a card and the one below it, with room for a label. */
  rowGap: 26,
  narrowest: 110,
};

/** What the texts of a node need. */
export function widthOf({ title, lines }: GraphNode): number {
  const longest = Math.max(...[title, ...lines].map((line) => Array.from(line).length));
  return Math.max(sizes.narrowest, Math.ceil(longest * sizes.character + 2 * sizes.padding));
}

/** What the lines of a node need. */
export function heightOf({ lines }: GraphNode): number {
  return (lines.length + 1) * sizes.line + 2 * sizes.padding;
}
