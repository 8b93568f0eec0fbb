import { printable } from '../../model/index.ts';
import type { GraphNode, Topology } from './topology.ts';

/** How each kind is drawn. Source: Mermaid flowchart syntax, node shapes. */
const shapes: Readonly<Record<GraphNode['kind'], readonly [string, string]>> = {
  link: ['([', '])'],
  host: ['[[', ']]'],
  bridge: ['[/', '/]'],
  segment: ['[/', '/]'],
  stack: ['[', ']'],
};

/** The topology as a Mermaid flowchart. */
export function mermaidOf({ nodes, edges }: Topology): string {
  const idOf = new Map(nodes.map(({ id }, position) => [id, `n${position}`]));
  return [
    'flowchart TB',
    ...nodes.map(({ id, kind, title, lines }) => {
      const [open, close] = shapes[kind];
      return `  ${idOf.get(id)}${open}"${[title, ...lines].map(escaped).join('<br/>')}"${close}`;
    }),
    ...edges.map(({ from, to, label, isUp }) => {
      const line = isUp ? '---' : '-.-';
      return `  ${idOf.get(from)} ${line}${label === '' ? '' : `|"${escaped(label)}"|`} ${idOf.get(to)}`;
    }),
    '',
  ].join('\n');
}

/** All but plain characters as numbers, which Mermaid never takes for its own words. */
function escaped(text: string): string {
  return Array.from(printable(text), (character) =>
    /[A-Za-z0-9 .,:_/+()\-\u2500\u2192]/.test(character) ? character : `#${character.codePointAt(0)};`,
  ).join('');
}
