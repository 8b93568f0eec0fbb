import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dotOf } from '../../../../src/inspect/graph/dot.ts';
import { layOut } from '../../../../src/inspect/graph/layout.ts';
import { mermaidOf } from '../../../../src/inspect/graph/mermaid.ts';
import { svgOf } from '../../../../src/inspect/graph/svg.ts';
import { topologyOf, type Topology } from '../../../../src/inspect/graph/topology.ts';
import { labelOf, labelWidth } from '../../../../src/inspect/graph/wires.ts';
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

/** A host with a busy bridge, and containers that are in two networks. */
const crowd: Topology = {
  nodes: [
    ...(['front', 'back'] as const).map((name) => ({
      id: name,
      kind: 'bridge' as const,
      title: `br-${name}`,
    })),
    ...Array.from({ length: 24 }, (_, index) => ({
      id: `stack ${index}`,
      kind: 'stack' as const,
      title: index % 5 === 0 ? `a-rather-long-name-${index}` : `app-${index}`,
    })),
    { id: 'host', kind: 'host' as const, title: 'tower' },
    { id: 'lone', kind: 'stack' as const, title: 'lone' },
  ].map((node) => ({
    ...node,
    lines: ['10.0.0.2/24', ...(node.id.endsWith('3') ? ['more'] : [])],
    names: [],
  })),
  edges: [
    ...['front', 'back'].map((to) => ({ from: 'host', to, label: '', isUp: true })),
    ...Array.from({ length: 24 }, (_, index) => ({
      from: index < 4 ? 'front' : 'back',
      to: `stack ${index}`,
      label: `veth0123456789${index} ─ eth0`,
      isUp: index !== 7,
    })),
    ...[8, 9].map((index) => ({
      from: 'front',
      to: `stack ${index}`,
      label: `vethabcdefabc${index} ─ eth1`,
      isUp: true,
    })),
  ],
};

describe('layOut', () => {
  it.each(Object.entries({ topology, crowd }))(
    'lets no two boxes overlap, and every wire begin and end at a box inside the picture: %s',
    (_, { nodes, edges }) => {
      const { boxes, wires, width, height } = layOut({ nodes, edges });
      expect(boxes).toHaveLength(nodes.length);
      expect(wires).toHaveLength(edges.length);
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
      for (const { x1, y1, x2, y2, edge, end } of wires) {
        const [from, to] = [edge.from, edge.to].map((id) => boxes.find(({ node }) => node.id === id));
        expect(
          from !== undefined && x1 >= from.x && x1 <= from.x + from.width && y1 === from.y + from.height,
        ).toBe(true);
        if (end === 'side') {
          expect(to !== undefined && x2 === to.x && y2 > to.y && y2 < to.y + to.height).toBe(true);
          // It comes down where no card is.
          expect(
            boxes.filter(({ x, width: wide, y }) => y > y1 && x1 >= x && x1 <= x + wide && y < y2),
          ).toEqual([]);
        } else {
          expect(to !== undefined && x2 >= to.x && x2 <= to.x + to.width && y2 === to.y).toBe(true);
        }
      }
    },
  );

  it('lets labels cover neither each other nor a card', () => {
    const { boxes, wires } = layOut(crowd);
    const labels = wires.flatMap(({ edge, label }) => {
      const text = labelOf(edge);
      return text === '' ? [] : [{ text, ...label, right: label.x + labelWidth(text) }];
    });
    expect(labels).toHaveLength(26);
    for (const [position, one] of labels.entries()) {
      for (const other of labels.slice(position + 1)) {
        const isApart = one.right < other.x || other.right < one.x || Math.abs(one.y - other.y) > 10;
        expect(isApart, `${one.text} and ${other.text}`).toBe(true);
      }
      for (const { node, x, y, width, height } of boxes) {
        const isApart = one.right < x || one.x > x + width || one.y < y || one.y - 8 > y + height;
        expect(isApart, `${one.text} and ${node.title}`).toBe(true);
      }
    }
  });

  it('keeps the picture of many containers narrow', () => {
    expect(layOut(crowd).width).toBeLessThan(2_400);
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
