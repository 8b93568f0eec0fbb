import type { Command } from 'commander';
import { bootId } from '../../kernel/proc/index.ts';
import { State } from '../../state/index.ts';
import { readSettings } from './settings.ts';

/** The records for reading, which neither waits for a writer nor holds one up. */
export function openView(command: Command): State {
  const { stateDirectory: directory, runDirectory } = readSettings(command);
  return State.open({ directory, runDirectory, bootId: bootId(), readOnly: true });
}
