import type { Command } from 'commander';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Engines } from '../../../inspect/engines/read-engines.ts';
import { recordViews } from '../../../inspect/engines/record-views.ts';
import { TsnetError, toTsnetError } from '../../../model/index.ts';
import { readSettings } from '../settings.ts';
import { version } from '../version.ts';

const nothing: Engines = { engines: [], gaps: [] };

/**
 * What tsnet has recorded on this host, as engines tell of theirs. Only read: nothing is made, and a state that is missing is
 * empty. What can't be read is a gap.
 */
export async function readRecords(command: Command): Promise<Engines> {
  const { stateDirectory } = readSettings(command);
  try {
    if (!hasRecords(stateDirectory)) return nothing;
    // 8 ms, most of them to load the store: only hosts that have records pay for it.
    const [{ openView }, { stateOf }] = await Promise.all([
      import('../open-view.ts'),
      import('../../../run/sandbox-state.ts'),
    ]);
    using state = openView(command);
    const engines = state.read((view) => {
      const networks = view.networks();
      // Docker tells no driver whose an endpoint is.
      const named = networks.filter(({ origin }) => origin !== 'docker');
      return recordViews(
        {
          networks,
          endpoints: named.flatMap(({ id }) => view.endpoints(id)),
          sandboxes: view.sandboxes().map((sandbox) => ({ sandbox, state: stateOf(sandbox) })),
        },
        stateDirectory,
        version,
      );
    });
    return { engines, gaps: [] };
  } catch (error) {
    const { kind, message } = toTsnetError(error);
    if (kind === 'bug') throw error;
    return { engines: [], gaps: [{ what: 'records of tsnet', why: message }] };
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
