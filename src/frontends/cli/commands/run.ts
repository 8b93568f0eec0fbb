import type { Command } from 'commander';
import type { NamedSandbox, SandboxId, SandboxName } from '../../../model/index.ts';
import { openContext } from '../../../network/index.ts';
import { CommandError, endSandbox, runSandbox } from '../../../run/index.ts';
import { createLogger } from '../logger.ts';
import { printJson } from '../print.ts';
import { reportError } from '../report-error.ts';
import { commandAtEnd } from '../run/at-end.ts';
import { readRunRequest } from '../run/run-flags.ts';
import { SignalRelay } from '../run/signal-relay.ts';
import { readSettings, wantsJson } from '../settings.ts';

/** `tsnet run [flags] -- COMMAND`: ends with the exit status of the command, or 125 to 127 as `docker run`. */
export async function run(command: Command, words: readonly string[]): Promise<void> {
  const request = readRunRequest(command, words);
  const settings = readSettings(command);
  using context = await openContext(settings, createLogger('warn'));
  using relay = new SignalRelay();
  try {
    const { sandbox, launch } = await runSandbox(context, request, {
      atEnd: (name, id) => commandAtEnd(settings, name, id),
      isInterrupted: () => relay.early !== undefined,
    });
    if (request.isDetached) return printStarted(command, sandbox);
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
}

function printStarted(command: Command, sandbox: NamedSandbox): void {
  if (wantsJson(command)) printJson(sandbox);
  else process.stdout.write(`${sandbox.id}\n`);
}

/** `tsnet __end NAME ID`: what the parent of a command calls when the command has ended and nobody else waits for it. */
export async function end(command: Command, name: SandboxName, id: SandboxId): Promise<void> {
  using context = await openContext(readSettings(command), createLogger('warn'));
  await endSandbox(context, name, id);
}
