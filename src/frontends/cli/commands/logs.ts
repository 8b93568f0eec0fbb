import type { Command } from 'commander';
import { invalid, TsnetError } from '../../../model/index.ts';
import { filesOf, findSandbox, stateOf } from '../../../run/index.ts';
import { endWithReader } from '../closed-pipe.ts';
import { openView } from '../open-view.ts';
import { printLog } from '../run/print-log.ts';
import { readSettings } from '../settings.ts';

/** `tsnet logs [-f] [-n LINES] SANDBOX`: what a detached command has written, both outputs as they came. */
export async function logs(command: Command, wanted: string): Promise<void> {
  const { follow, tail = 'all' } = command.opts<{ follow?: boolean; tail?: string }>();
  const lines = parseLines(tail);
  using state = await openView(command);
  const { id, name } = state.read((view) => findSandbox(view, wanted));
  const hasEnded = () => {
    const sandbox = state.read((view) => view.sandbox(name));
    return sandbox?.id !== id || stateOf(sandbox) === 'exited';
  };
  const { log } = filesOf(readSettings(command).runDirectory, id);
  endWithReader();
  const isThere = await printLog(log, process.stdout, {
    ...(lines === undefined ? {} : { lines }),
    ...(follow === true ? { until: hasEnded } : {}),
  });
  if (isThere) return;
  throw new TsnetError(
    'not-found',
    `sandbox ${name} has no log: it was not started with -d, or before the last boot`,
  );
}

/** Source: docker logs(1): `all`, or a number; less than none counts as all. */
function parseLines(text: string): number | undefined {
  if (text === 'all' || /^-\d{1,9}$/.test(text)) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw invalid('--tail', text, 'a number of lines, or all');
}
