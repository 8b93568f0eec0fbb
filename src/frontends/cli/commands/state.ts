import type { Command } from 'commander';
import { openView } from '../open-view.ts';
import { printJson } from '../print.ts';

/** `tsnet state dump` */
export function dump(command: Command): void {
  using state = openView(command);
  printJson(state.dump());
}
