import type { Command } from 'commander';
import { bootId } from '../../kernel/proc/index.ts';
import { State } from '../../state/index.ts';
import { readSettings } from './settings.ts';

/** The records for reading, which neither waits for a writer nor holds one up. */
export function openView(command: Command): State {
  return State.open({ directory: readSettings(command).stateDirectory, bootId: bootId(), readOnly: true });
}
