import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dotOf } from '../../../../src/inspect/graph/dot.ts';
import { layOut } from '../../../../src/inspect/graph/layout.ts';
import { mermaidOf } from '../../../../src/inspect/graph/mermaid.ts';
import { svgOf } from '../../../../src/inspect/graph/svg.ts';
import { topologyOf, type Topology } from '../../../../src/inspect/graph/topology.ts';
import { HostMap } from '../../../../src/inspect/host-map.ts';
import { loadInspection } from '../../../../src/inspect/inspection-file.ts';

const recorded = loadInspection(join(import.meta.dirname, '../../../fixtures/inspections/modes.json'));
const topology = topologyOf(new HostMap(recorded));
const drawings = { 'mermaid.mmd': mermaidOf, 'dot.dot': dotOf, 'svg.svg': svgOf };

describe('drawings', () => {
  it.each(Object.entries(drawings))('%s', async (name, draw) => {
    await expect(draw(topology)).toMatchFileSnapshot(`./expected/${name}`);
  });

  it('draw the same picture when the kernel and the engine tell everything in another order', () => {
    const { snapshot, engines } = recorded;
    const [host, ...others] = snapshot.namespaces;
    if (host === undefined) throw new Error('the recording has no host');
    const turned = {
      ...recorded,
      snapshot: {
        ...snapshot,
        namespaces: [{ ...host, links: host.links.toReversed() }, ...others.toReversed()],
      },
      engines: engines.map((engine) => ({
        ...engine,
        networks: engine.networks.toReversed(),
        containers: engine.containers.toReversed(),
      })),
    };
    expect(svgOf(topologyOf(new HostMap(turned)))).toBe(svgOf(topology));
  });

  it('draw the part around a name, and say which names are near a wrong one', () => {
    const ofDb = topologyOf(new HostMap(recorded), ['old-db']);
    expect(ofDb.nodes.map(({ title }) => title)).toEqual(['uplink0', 'tower', 'docker0', 'old-db']);
    const ofApp = topologyOf(new HostMap(recorded), ['app']);
    expect(ofApp.nodes.map(({ title }) => title)).toEqual(['uplink0', 'tower', 'br-app', 'cli', 'web']);
    expect(() => topologyOf(new HostMap(recorded), ['old-bd'])).toThrow(
      'network or container old-bd is not known',
    );
  });
});

describe('layOut', () => {
  it('lets no two boxes overlap, and every wire begin and end at a box inside the picture', () => {
    const { boxes, wires, width, height } = layOut(topology);
    expect(boxes).toHaveLength(topology.nodes.length);
    expect(wires).toHaveLength(topology.edges.length);
    for (const [position, one] of boxes.entries()) {
      expect(one.x + one.width).toBeLessThanOrEqual(width);
      expect(one.y + one.height).toBeLessThanOrEqual(height);
      for (const other of boxes.slice(position + 1)) {
        const isApart =
          one.x + one.width < other.x ||
          other.x + other.width < one.x ||
          one.y + one.height < other.y ||
          other.y + other.height < one.y;
        expect(isApart, `${one.node.title} and ${other.node.title}`).toBe(true);
      }
    }
    for (const { x1, y1, x2, y2, edge } of wires) {
      const [from, to] = [edge.from, edge.to].map((id) => boxes.find(({ node }) => node.id === id));
      expect(
        from !== undefined && x1 >= from.x && x1 <= from.x + from.width && y1 === from.y + from.height,
      ).toBe(true);
      expect(to !== undefined && x2 >= to.x && x2 <= to.x + to.width && y2 === to.y).toBe(true);
    }
  });

  it('draws nothing of nothing', () => {
    expect(svgOf({ nodes: [], edges: [] })).toContain('</svg>');
  });
});

describe('hostile texts', () => {
  const evil = '"]; x --> y\n</text><script>alert(1)</script>&\\"\u202e`#lt;';
  const hostile: Topology = {
    nodes: [
      { id: 'one', kind: 'bridge', title: evil, lines: [evil], names: [] },
      { id: 'two', kind: 'stack', title: evil, lines: [], names: [] },
    ],
    edges: [{ from: 'one', to: 'two', label: evil, isUp: true }],
  };

  it('are text in SVG', () => {
    const svg = svgOf(hostile);
    expect(svg.match(/<script|\u202e/g)).toBeNull();
    expect(svg.match(/<text /g)).toHaveLength(4);
  });

  it('are labels in DOT', () => {
    const inside = dotOf(hostile).matchAll(/label="((?:[^"\\]|\\.)*)"/g);
    expect([...inside]).toHaveLength(3);
    expect(dotOf(hostile).split('\n')).toHaveLength(9);
  });

  it('are labels in Mermaid', () => {
    const lines = mermaidOf(hostile).split('\n');
    expect(lines).toHaveLength(5);
    for (const line of lines) expect(line.replaceAll('<br/>', '')).not.toMatch(/[<`;]x|<script/);
    expect(lines[1]?.match(/"/g)).toHaveLength(2);
  });
});
