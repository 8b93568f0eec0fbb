import type { Command } from 'commander';
import { containerReport } from '../../../inspect/views/index.ts';
import { answer } from '../inspect/answer.ts';
import { containerLines } from '../inspect/format-container.ts';

/** `tsnet inspect container NAME`: how a container got its network, and where each interface leads. */
export async function inspectContainer(command: Command, name: string): Promise<void> {
  await answer(command, {
    reads: { parts: ['processes', 'counters', 'addresses', 'routes', 'sockets'] },
    ask: (map) => containerReport(map, name),
    lines: containerLines,
  });
}
