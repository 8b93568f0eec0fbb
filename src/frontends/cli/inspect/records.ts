import type { Command } from 'commander';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { recordViews } from '../../../inspect/engines/record-views.ts';
import type { Recorded } from '../../../inspect/read-inspection.ts';
import { recordedPorts } from '../../../inspect/recorded-ports.ts';
import { TsnetError, toTsnetError } from '../../../model/index.ts';
import { readSettings } from '../settings.ts';
import { version } from '../version.ts';

const nothing: Recorded = { engines: [], gaps: [], ports: new Map() };

/**
 * What tsnet has recorded on this host, as engines tell of theirs. Only read: nothing is made, and a state that is missing is
 * empty. What can't be read is a gap.
 */
export async function readRecords(command: Command): Promise<Recorded> {
  const { stateDirectory } = readSettings(command);
  try {
    if (!hasRecords(stateDirectory)) return nothing;
    // 8 ms, most of them to load the store: only hosts that have records pay for it.
    const [{ openRecords }, { stateOf }] = await Promise.all([
      import('../open-view.ts'),
      import('../../../run/sandbox-state.ts'),
    ]);
    using state = openRecords(command);
    const records = state.read((view) => ({
      networks: view.networks(),
      endpoints: view.endpoints(),
      sandboxes: view.sandboxes().map((sandbox) => ({ sandbox, state: stateOf(sandbox) })),
    }));
    return {
      engines: recordViews(records, stateDirectory, version),
      gaps: [],
      ports: recordedPorts(records.endpoints),
    };
  } catch (error) {
    const { kind, message } = toTsnetError(error);
    if (kind === 'bug') throw error;
    return { ...nothing, gaps: [{ what: 'records of tsnet', why: message }] };
  }
}

/** @throws denied */
function hasRecords(stateDirectory: string): boolean {
  try {
    return statSync(join(stateDirectory, 'data.mdb'), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw new TsnetError('denied', `${stateDirectory} can't be looked into`, { cause: error });
  }
}
