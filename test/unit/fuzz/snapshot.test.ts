import { expect, it } from 'vitest';
import { examine } from '../../../src/inspect/doctor/index.ts';
import { dotOf } from '../../../src/inspect/graph/dot.ts';
import { mermaidOf } from '../../../src/inspect/graph/mermaid.ts';
import { svgOf } from '../../../src/inspect/graph/svg.ts';
import { topologyOf } from '../../../src/inspect/graph/topology.ts';
import { treeOf } from '../../../src/inspect/graph/tree.ts';
import { overviewLines } from '../../../src/frontends/cli/inspect/format-overview.ts';
import { printableDeep, type Screen } from '../../../src/frontends/cli/inspect/screen.ts';
import { HostMap } from '../../../src/inspect/host-map.ts';
import { parseInspection } from '../../../src/inspect/inspection-file.ts';
import type { Inspection } from '../../../src/inspect/inspection.ts';
import { debugPort, parsePortQuestion } from '../../../src/inspect/port/index.ts';
import {
  bridgeList,
  containerReport,
  ipReport,
  netnsList,
  networkReport,
  overview,
  publishedPorts,
  vethMap,
} from '../../../src/inspect/views/index.ts';
import { TsnetError } from '../../../src/model/index.ts';
import { readRecordings } from '../../fuzz/corpus.ts';
import { fuzz, fuzzTime } from '../../fuzz/fuzz.ts';

const screen: Screen = { width: 100, hasColour: false };
const questions = ['8088', '8080/udp', '192.0.2.1:80'].map((text) => parsePortQuestion(text));

/** All that is asked of an inspection. Where a thing is not there, or is no address, the answer is the error. */
const asked: readonly ((inspection: Inspection, map: HostMap) => unknown)[] = [
  (inspection) => examine(inspection),
  (_, map) =>
    [topologyOf(map)].map((topology) =>
      [treeOf, mermaidOf, dotOf, svgOf].map((draw) => refuseControls(draw(topology))),
    ),
  (_, map) => [
    overview(map),
    vethMap(map),
    bridgeList(map),
    netnsList(map),
    publishedPorts(map, map.containers),
  ],
  (_, map) => map.containers.map(({ name }) => refused(() => containerReport(map, name))),
  (_, map) => map.networks.map(({ name }) => refused(() => networkReport(map, name))),
  (_, map) => ipReport(map, '10.0.0.0/8'),
  (_, map) => refuseControls(overviewLines(printableDeep(overview(map)), screen).join('\n')),
  ...questions.map((question) => (inspection: Inspection) => debugPort(inspection, question)),
];

it(
  'a file that is taken for a snapshot can be asked everything',
  async () => {
    const outcomes = await fuzz({
      name: 'snapshots',
      form: 'json',
      inputs: 250,
      seeds: readRecordings('inspections', /\.json$/),
      answer: async (bytes) => {
        const inspection = parseInspection(bytes.toString('utf8'), 'host.json');
        const map = new HostMap(inspection);
        for (const ask of asked) await ask(inspection, map);
      },
    });
    expect(outcomes.get('answered')).toBeGreaterThan(25);
    expect(outcomes.get('invalid-input')).toBeGreaterThan(100);
  },
  fuzzTime,
);

/** What goes to a terminal as it is. */
function refuseControls(text: string): void {
  if (/[^\P{Cc}\n]/u.test(text)) throw new Error(`controls a terminal: ${JSON.stringify(text)}`);
}

function refused(ask: () => unknown): unknown {
  try {
    return ask();
  } catch (error) {
    if (error instanceof TsnetError && error.kind !== 'bug') return error;
    throw error;
  }
}
