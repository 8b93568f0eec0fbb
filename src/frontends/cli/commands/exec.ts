import type { Command } from 'commander';
import { invalid } from '../../../model/index.ts';
import { CommandError, execInSandbox } from '../../../run/index.ts';
import { openView } from '../open-view.ts';
import { reportError } from '../report-error.ts';
import { readExecution, type ExecutionFlags } from '../run/execution-flags.ts';
import { SignalRelay } from '../run/signal-relay.ts';
import { wantsJson } from '../settings.ts';

/** `tsnet exec SANDBOX -- COMMAND`: ends with the exit status of the command, or 125 to 127 as `docker exec`. */
export async function exec(command: Command, name: string, words: readonly string[]): Promise<void> {
  if (words.length === 0) throw invalid('command', undefined, `a command, as in tsnet exec ${name} -- sh`);
  const flags = command.opts<ExecutionFlags & { detach?: boolean }>();
  const isDetached = flags.detach === true;
  using state = await openView(command);
  using relay = new SignalRelay();
  try {
    const launch = await execInSandbox(state, name, { ...readExecution(flags), command: words, isDetached });
    if (isDetached) return;
    relay.lead(launch);
    process.exitCode = await launch.exit;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    reportError(error, wantsJson(command));
    process.exitCode = error.exitCode;
  }
}
