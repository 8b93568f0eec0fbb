import type { Topology } from './topology.ts';

/**
 * The part of a topology around what has one of the names: of a network all its containers, of a container all its
 * networks, and the ways from there up to other machines.
 */
export function selectNodes({ nodes, edges }: Topology, names: ReadonlySet<string>): Topology {
  const named = new Set(
    nodes.filter((node) => node.names.some((name) => names.has(name))).map(({ id }) => id),
  );
  const kindOf = new Map(nodes.map(({ id, kind }) => [id, kind]));
  const kept = new Set(named);
  for (const { from, to } of edges) {
    const isNetwork = kindOf.get(from) === 'bridge' || kindOf.get(from) === 'segment';
    if (named.has(from) && isNetwork) kept.add(to);
    if (named.has(to) && kindOf.get(to) === 'stack') kept.add(from);
  }
  // Upwards, two layers at most.
  for (let layer = 0; layer < 2; layer++) {
    for (const { from, to } of edges) {
      if (kept.has(to) && kindOf.get(to) !== 'stack') kept.add(from);
    }
  }
  return {
    nodes: nodes.filter(({ id }) => kept.has(id)),
    edges: edges.filter(({ from, to }) => kept.has(from) && kept.has(to)),
  };
}
