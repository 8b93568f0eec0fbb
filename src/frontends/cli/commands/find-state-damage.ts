import type { Finding } from '../../../inspect/finding.ts';
import { bootId } from '../../../kernel/proc/index.ts';
import { toTsnetError } from '../../../model/index.ts';
import type { Settings } from '../../../network/index.ts';
import { checkState, isDamaged, type FileReport } from '../../../state/index.ts';

/** What is wrong with the files of the records; undefined if they could not be looked at. */
export function findStateDamage({ stateDirectory, runDirectory }: Settings): Finding[] | undefined {
  let reports: FileReport[];
  try {
    reports = checkState({ directory: stateDirectory, runDirectory, bootId: bootId() });
  } catch (error) {
    if (toTsnetError(error).kind !== 'denied') throw error;
    return undefined;
  }
  return reports.filter(isDamaged).map(({ what, path, problem, damaged }) => ({
    code: 'tsnet.state-damaged',
    severity: 'error',
    isCertain: true,
    subject: 'tsnet',
    message: `${nameOf[what]} can not be used`,
    evidence: [
      {
        source: 'tsnet',
        object: path,
        fact: problem ?? `${damaged.length} records are not as they were written`,
      },
      ...damaged.map((key) => ({ source: 'tsnet', object: path, fact: `record ${key} is damaged` })),
    ],
    // A copy is written again with the next network that comes or goes.
    fix: what === 'copy' ? [] : ['tsnet state restore'],
  }));
}

const nameOf = {
  disk: 'the file of the records',
  working: 'the file of the records of this boot',
  copy: 'the copy of the records',
} as const;
