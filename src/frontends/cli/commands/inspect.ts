import type { Command } from 'commander';
import { everything } from '../../../inspect/read-inspection.ts';
import { overview } from '../../../inspect/views/index.ts';
import { answer } from '../inspect/answer.ts';
import { overviewLines } from '../inspect/format-overview.ts';

/** `tsnet inspect`: the whole host on one screen. */
export async function inspect(command: Command): Promise<void> {
  await answer(command, {
    // What is wrong shows in rules and settings, too.
    reads: everything,
    ask: overview,
    lines: overviewLines,
  });
}
