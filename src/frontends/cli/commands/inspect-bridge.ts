import type { Command } from 'commander';
import { bridgeList } from '../../../inspect/views/index.ts';
import { answer } from '../inspect/answer.ts';
import { bridgeLines } from '../inspect/format-bridge.ts';

/** `tsnet inspect bridge [NAME]`: ports, spanning tree and MAC table. */
export async function inspectBridge(command: Command, name?: string): Promise<void> {
  await answer(command, {
    reads: { parts: ['processes', 'counters', 'addresses', 'forwarding', 'neighbours'] },
    ask: (map) => bridgeList(map, name),
    lines: (found, screen) => bridgeLines(found, screen, name !== undefined),
    items: ({ bridges }) => bridges,
  });
}
