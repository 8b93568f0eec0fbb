import type { Command } from 'commander';
import { openView } from '../open-view.ts';
import { printJson } from '../print.ts';

/** `tsnet state dump` */
export async function dump(command: Command): Promise<void> {
  using state = await openView(command);
  printJson(state.dump());
}
