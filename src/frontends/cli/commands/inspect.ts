import type { Command } from 'commander';
import { overview } from '../../../inspect/views/index.ts';
import { answer } from '../inspect/answer.ts';
import { overviewLines } from '../inspect/format-overview.ts';

/** `tsnet inspect`: the whole host on one screen. */
export async function inspect(command: Command): Promise<void> {
  await answer(command, {
    reads: { parts: ['processes', 'counters', 'addresses', 'routes', 'sockets'] },
    ask: overview,
    lines: overviewLines,
  });
}
