import type { Command } from 'commander';
import { notFound, selectVeths, vethMap } from '../../../inspect/views/index.ts';
import { answer } from '../inspect/answer.ts';
import { vethLine, vethTable } from '../inspect/format-veth.ts';

/** `tsnet inspect veth [NAME]`: which veth is which container's. */
export async function inspectVeth(command: Command, name?: string): Promise<void> {
  await answer(command, {
    reads: { parts: ['processes', 'counters', 'addresses'] },
    ask: (map) => {
      const all = vethMap(map);
      if (name === undefined) return all;
      const rows = selectVeths(all.rows, name);
      if (rows.length > 0) return { ...all, rows };
      const names = all.rows.flatMap(({ hostVeth, container, place }) => [hostVeth, container, place]);
      throw notFound(
        'veth or container',
        name,
        names.flatMap((one) => one ?? []),
      );
    },
    lines: (found, screen) => (name === undefined ? vethTable(found, screen) : found.rows.map(vethLine)),
    items: ({ rows }) => rows,
    names: ({ rows }) => rows.flatMap(({ hostVeth, type }) => (type === 'veth' ? (hostVeth ?? []) : [])),
  });
}
