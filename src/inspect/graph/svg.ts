import { printable } from '../../model/index.ts';
import { sizes, type Box, type Wire } from './boxes.ts';
import { layOut } from './layout.ts';
import type { GraphNode, Topology } from './topology.ts';
import { labelOf } from './wires.ts';

/** Readable on light and dark pages alike; colours only support what shapes and words say. */
const style = `
  svg { font: 12px monospace; background: #fff; }
  text { fill: #1b1f24; }
  .title { font-weight: bold; }
  .fact, .label { fill: #57606a; }
  .label { font-size: 10px; }
  rect { stroke: #57606a; fill: #f6f8fa; }
  .host rect { fill: #ddf4ff; }
  .bridge rect, .segment rect { fill: #dafbe1; }
  .segment rect { stroke-dasharray: 6 3; }
  .wire { stroke: #57606a; fill: none; stroke-width: 1.5; }
  .down { stroke: #cf222e; stroke-dasharray: 4 3; }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; }
    text { fill: #e6edf3; }
    .fact, .label { fill: #8d96a0; }
    rect { stroke: #8d96a0; fill: #161b22; }
    .host rect { fill: #0c2d6b; }
    .bridge rect, .segment rect { fill: #033a16; }
  }
`.trim();

/** The topology as a picture: links above, the host as a bar, its bridges as bars, stacks as cards below them. */
export function svgOf(topology: Topology): string {
  const { boxes, wires, width, height } = layOut(topology);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="network topology" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<style>${style}</style>`,
    ...wires.map(wireText),
    ...boxes.map(boxText),
    ...wires.map(labelText).filter((text) => text !== ''),
    '</svg>',
    '',
  ].join('\n');
}

function wireText({ edge, x1, y1, x2, y2, end }: Wire): string {
  const middle = (y1 + y2) / 2;
  const path =
    end === 'side'
      ? `M${x1} ${y1}V${y2}H${x2}`
      : x1 === x2
        ? `M${x1} ${y1}V${y2}`
        : `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`;
  return `<path class="wire${edge.isUp ? '' : ' down'}" d="${path}"/>`;
}

/** At the lower end of the wire, where wires do not cross. */
function labelText({ edge, label: { x, y } }: Wire): string {
  const text = labelOf(edge);
  return text === '' ? '' : `<text class="label" x="${x}" y="${y}">${escaped(text)}</text>`;
}

function boxText({ node, x, y, width, height }: Box): string {
  const texts = [node.title, ...node.lines].map(
    (line, position) =>
      `<text class="${position === 0 ? 'title' : 'fact'}" x="${x + sizes.padding}" y="${y + sizes.padding + sizes.line * (position + 0.75)}">${escaped(line)}</text>`,
  );
  const rounding = roundings[node.kind];
  return `<g class="${node.kind}"><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${rounding}"/>${texts.join('')}</g>`;
}

const roundings: Readonly<Record<GraphNode['kind'], number>> = {
  link: 14,
  host: 0,
  bridge: 2,
  segment: 2,
  stack: 5,
};

function escaped(text: string): string {
  return printable(text).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
