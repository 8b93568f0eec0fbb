import type { Command } from 'commander';
import type { NamedSandbox, SandboxId, SandboxName } from '../../../model/index.ts';
import type { Context } from '../../../network/index.ts';
import { CommandError, endSandbox, type BringUpOptions, type StartedSandbox } from '../../../run/index.ts';
import { reportError } from '../report-error.ts';
import { readSettings, wantsJson } from '../settings.ts';
import { commandAtEnd } from './at-end.ts';
import { openSandboxes } from './open-sandboxes.ts';
import { SignalRelay } from './signal-relay.ts';

/**
 * Starts a sandbox by `start` and, unless it is detached, waits for the end of its command, whose exit status becomes ours.
 * One that can't be executed gives 126 or 127, as in a shell.
 *
 * @returns the sandbox, where it goes on without us
 */
export async function startAndWait(
  command: Command,
  isDetached: boolean,
  start: (context: Context, options: BringUpOptions) => Promise<StartedSandbox>,
): Promise<NamedSandbox | undefined> {
  const settings = readSettings(command);
  using context = await openSandboxes(command);
  using relay = new SignalRelay();
  try {
    const { sandbox, launch } = await start(context, {
      isDetached,
      atEnd: (name: SandboxName, id: SandboxId) => commandAtEnd(settings, name, id),
      isInterrupted: () => relay.early !== undefined,
    });
    if (isDetached || launch === undefined) return sandbox;
    relay.lead(launch);
    process.exitCode = await launch.exit;
    await endSandbox(context, sandbox.name, sandbox.id);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    reportError(error, wantsJson(command));
    process.exitCode = error.exitCode;
  } finally {
    await context.linkRemoval.idle();
  }
  return undefined;
}
