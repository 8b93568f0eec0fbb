import type { Command } from 'commander';
import { networkReport } from '../../../inspect/views/index.ts';
import { answer } from '../inspect/answer.ts';
import { networkLines } from '../inspect/format-network.ts';

/** `tsnet inspect network NAME`: who is in a network and through which veth. */
export async function inspectNetwork(command: Command, name: string): Promise<void> {
  await answer(command, {
    reads: { parts: ['processes', 'counters', 'addresses'] },
    ask: (map) => networkReport(map, name),
    lines: networkLines,
  });
}
