import { printable } from '../../model/index.ts';
import type { GraphEdge, GraphNode, Topology } from './topology.ts';

/** The topology as lines of text: what is in several networks occurs in each. */
export function treeOf({ nodes, edges }: Topology): string {
  const nodeOf = new Map(nodes.map((node) => [node.id, node]));
  const below = new Map<string, GraphEdge[]>();
  for (const edge of edges) below.set(edge.from, [...(below.get(edge.from) ?? []), edge]);
  const reached = new Set(edges.map(({ to }) => to));
  const lines: string[] = [];
  const drawn = new Set<string>();
  const draw = (node: GraphNode, head: string, indent: string, label: string): void => {
    lines.push(printable(`${head}${textOf(node, label)}`));
    // Several links lead to the host, and one picture of it is enough.
    if (node.kind !== 'stack' && drawn.has(node.id)) return;
    drawn.add(node.id);
    const next = below.get(node.id) ?? [];
    for (const [position, edge] of next.entries()) {
      const child = nodeOf.get(edge.to);
      if (child === undefined) continue;
      const isLast = position === next.length - 1;
      const mark = edge.isUp ? '─' : '╳';
      draw(child, `${indent}${isLast ? '└' : '├'}${mark} `, `${indent}${isLast ? '   ' : '│  '}`, edge.label);
    }
  };
  for (const node of nodes) if (!reached.has(node.id)) draw(node, '', '', '');
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

/** Addresses that the way tells are not told again. */
function textOf({ kind, title, lines }: GraphNode, label: string): string {
  if (kind !== 'stack') return [title, ...lines].join('  ');
  const facts = lines.filter((line) => label === '' || !label.endsWith(line));
  return [
    label === '' ? title : `${label}  ${title}`,
    ...facts.filter((line) => line.startsWith('+') || label === ''),
  ].join('  ');
}
