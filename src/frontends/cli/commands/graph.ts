import type { Command } from 'commander';
import { dotOf } from '../../../inspect/graph/dot.ts';
import { mermaidOf } from '../../../inspect/graph/mermaid.ts';
import { svgOf } from '../../../inspect/graph/svg.ts';
import { topologyOf, type Topology } from '../../../inspect/graph/topology.ts';
import { treeOf } from '../../../inspect/graph/tree.ts';
import { HostMap } from '../../../inspect/host-map.ts';
import { printJson } from '../print.ts';
import { openInspection, printGaps } from '../inspect/open-inspection.ts';

/** What a topology can be drawn as. */
export type GraphFormat = 'tree' | 'mermaid' | 'dot' | 'svg';

const drawings: Readonly<Record<GraphFormat, (topology: Topology) => string>> = {
  tree: treeOf,
  mermaid: mermaidOf,
  dot: dotOf,
  svg: svgOf,
};

/** `tsnet graph [NETWORK|CONTAINER…]`: who is connected with whom, as a picture. */
export async function graph(command: Command, names: readonly string[]): Promise<void> {
  const flags = command.optsWithGlobals<{ format: GraphFormat; json?: boolean }>();
  const inspection = await openInspection(command, { parts: ['processes', 'addresses', 'routes'] });
  const topology = topologyOf(new HostMap(inspection), names);
  if (flags.json === true) {
    printJson({
      schema: 'tsnet.inspect/1',
      kind: 'graph',
      takenAt: inspection.snapshot.takenAt,
      ...topology,
    });
  } else process.stdout.write(drawings[flags.format](topology));
  printGaps(inspection);
}
