import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bridgeLines } from '../../../../../src/frontends/cli/inspect/format-bridge.ts';
import { containerLines } from '../../../../../src/frontends/cli/inspect/format-container.ts';
import { ipLines } from '../../../../../src/frontends/cli/inspect/format-ip.ts';
import { netnsLines } from '../../../../../src/frontends/cli/inspect/format-netns.ts';
import { networkLines } from '../../../../../src/frontends/cli/inspect/format-network.ts';
import { overviewLines } from '../../../../../src/frontends/cli/inspect/format-overview.ts';
import { vethLine, vethTable } from '../../../../../src/frontends/cli/inspect/format-veth.ts';
import { printableDeep, type Screen } from '../../../../../src/frontends/cli/inspect/screen.ts';
import { treeOf } from '../../../../../src/inspect/graph/tree.ts';
import { topologyOf } from '../../../../../src/inspect/graph/topology.ts';
import { HostMap } from '../../../../../src/inspect/host-map.ts';
import { loadInspection } from '../../../../../src/inspect/inspection-file.ts';
import {
  bridgeList,
  containerReport,
  ipReport,
  netnsList,
  networkReport,
  overview,
  vethMap,
} from '../../../../../src/inspect/views/index.ts';
import { containerOf, engineOf, inspectionOf } from '../../../../support/inspection-builder.ts';

// A real host with a container of every mode, as `tsnet snapshot` wrote it.
const recorded = join(import.meta.dirname, '../../../../fixtures/inspections/modes.json');
const map = new HostMap(loadInspection(recorded));
const escape = '\u001b';
const file: Screen = { hasColour: false };

const answers: Readonly<Record<string, (of: HostMap, screen: Screen) => readonly string[]>> = {
  overview: (of, screen) => overviewLines(printableDeep(overview(of)), screen),
  veth: (of, screen) => vethTable(printableDeep(vethMap(of)), screen),
  'veth-lines': (of) => printableDeep(vethMap(of)).rows.map(vethLine),
  'container-web': (of, screen) => containerLines(printableDeep(containerReport(of, 'web')), screen),
  'container-sidecar': (of, screen) => containerLines(printableDeep(containerReport(of, 'sidecar')), screen),
  'container-exporter': (of, screen) =>
    containerLines(printableDeep(containerReport(of, 'exporter')), screen),
  'container-idle': (of, screen) => containerLines(printableDeep(containerReport(of, 'idle')), screen),
  'network-app': (of, screen) => networkLines(printableDeep(networkReport(of, 'app')), screen),
  'network-lanmv': (of, screen) => networkLines(printableDeep(networkReport(of, 'lanmv')), screen),
  bridges: (of, screen) => bridgeLines(printableDeep(bridgeList(of)), screen, false),
  'bridge-br-app': (of, screen) => bridgeLines(printableDeep(bridgeList(of, 'br-app')), screen, true),
  'ip-address': (of, screen) => ipLines(printableDeep(ipReport(of, '10.66.0.3')), screen),
  'ip-range': (of, screen) => ipLines(printableDeep(ipReport(of, '10.0.0.0/8')), screen),
  netns: (of, screen) => netnsLines(printableDeep(netnsList(of)), screen, false),
  'netns-web': (of, screen) => netnsLines(printableDeep(netnsList(of, 'web')), screen, true),
  graph: (of) => treeOf(topologyOf(of)).split('\n').slice(0, -1),
};

describe('what people read of a host with every mode', () => {
  it.each(Object.entries(answers))('%s', async (name, lines) => {
    const text = `${lines(map, file).join('\n')}\n`;
    await expect(text).toMatchFileSnapshot(`./expected/${name}.txt`);
  });

  it.each(Object.keys(answers).filter((name) => !['veth-lines', 'graph'].includes(name)))(
    '%s fits into the terminal where a table is cut',
    (name) => {
      const lines = answers[name]?.(map, { width: 100, hasColour: false }) ?? [];
      const tables = lines.filter((line) => / {2,}/.test(line.trim()) && !line.includes('─'));
      expect(Math.max(...tables.map((line) => Array.from(line).length))).toBeLessThanOrEqual(100);
    },
  );

  it('cuts a table to the width of the terminal and says so', () => {
    const lines = vethTable(vethMap(map), { width: 80, hasColour: false });
    expect(Math.max(...lines.map((line) => Array.from(line).length))).toBeLessThanOrEqual(80);
    expect(lines.join('\n')).toContain('br-9332acaad…');
    // What one asks with again is whole.
    expect(lines.join('\n')).toContain('veth880abc1');
  });

  it('says the same in colour and without', () => {
    for (const lines of Object.values(answers)) {
      const plain = lines(map, { hasColour: true }).map((line) =>
        line.replaceAll(new RegExp(`${escape}\\[\\d+m`, 'g'), ''),
      );
      expect(plain).toEqual(lines(map, file));
    }
  });
});

describe('hostile names', () => {
  const id = 'a'.repeat(64);
  const evil = 'evil\u001b[31m\u202egnp.exe\nrm -rf /\u009b2J';
  const hostile = new HostMap(
    inspectionOf(
      {
        1: {
          links: [
            { index: 5, name: 'v\u001b[2J', peerIndex: 2, peerNsid: 0, masterIndex: 9 },
            { index: 9, name: 'br\u202e', kind: 'bridge' },
          ],
          nsids: { 0: 10 },
        },
        10: {
          links: [{ index: 2, name: 'eth\u0007', peerIndex: 5, peerNsid: 0, addresses: ['10.1.0.2/24'] }],
          nsids: { 0: 1 },
          processes: [{ pid: 1, command: 'a\nb', cgroup: `/docker/${id}` }],
          paths: [`/run/netns/${evil}`],
        },
      },
      [engineOf({ containers: [containerOf({ id, name: evil, image: evil })] })],
    ),
  );

  it.each(Object.entries(answers).filter(([name]) => /^(overview|veth|bridges|netns|graph)$/.test(name)))(
    '%s stays in its lines',
    (_, lines) => {
      for (const line of lines(hostile, file)) expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    },
  );

  it('does not let them through in the report of a container either', () => {
    const lines = containerLines(printableDeep(containerReport(hostile, id)), file);
    expect(lines.join(' ')).toContain('evil?[31m?gnp.exe?rm -rf /?2J');
    for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});
