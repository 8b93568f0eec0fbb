import { printable } from '../../model/index.ts';
import type { GraphNode, Topology } from './topology.ts';

/** How each kind is drawn. Source: Graphviz, node shapes. */
const shapes: Readonly<Record<GraphNode['kind'], string>> = {
  link: 'oval',
  host: 'box3d',
  bridge: 'cds',
  segment: 'cds',
  stack: 'box',
};

/** The topology as an undirected graph in the DOT language. */
export function dotOf({ nodes, edges }: Topology): string {
  const idOf = new Map(nodes.map(({ id }, position) => [id, `n${position}`]));
  const layers = [['link'], ['host'], ['bridge', 'segment'], ['stack']];
  return [
    'graph tsnet {',
    '  graph [rankdir=TB];',
    '  node [fontname="monospace", fontsize=10];',
    '  edge [fontname="monospace", fontsize=8];',
    ...nodes.map(
      ({ id, kind, title, lines }) =>
        `  ${idOf.get(id)} [shape=${shapes[kind]}, label="${[title, ...lines].map(escaped).join('\\n')}"];`,
    ),
    ...layers.flatMap((kinds) => {
      const ids = nodes.filter(({ kind }) => kinds.includes(kind)).map(({ id }) => idOf.get(id));
      return ids.length < 2 ? [] : [`  { rank=same; ${ids.join('; ')}; }`];
    }),
    ...edges.map(
      ({ from, to, label, isUp }) =>
        `  ${idOf.get(from)} -- ${idOf.get(to)} [label="${escaped(label)}"${isUp ? '' : ', style=dashed'}];`,
    ),
    '}',
    '',
  ].join('\n');
}

function escaped(text: string): string {
  return printable(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}
