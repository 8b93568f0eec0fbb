import type { Command } from 'commander';
import type { SandboxId, SandboxName } from '../../../model/index.ts';
import { openContext } from '../../../network/index.ts';
import { endSandbox, runSandbox } from '../../../run/index.ts';
import { createLogger } from '../logger.ts';
import { printJson } from '../print.ts';
import { readRunRequest } from '../run/run-flags.ts';
import { startAndWait } from '../run/start-and-wait.ts';
import { readSettings, wantsJson } from '../settings.ts';

/** `tsnet run [flags] -- COMMAND`: ends with the exit status of the command, or 125 to 127 as `docker run`. */
export async function run(command: Command, words: readonly string[]): Promise<void> {
  const request = readRunRequest(command, words);
  const sandbox = await startAndWait(command, request.isDetached, (context, options) =>
    runSandbox(context, request, options),
  );
  if (sandbox === undefined) return;
  if (wantsJson(command)) printJson(sandbox);
  else process.stdout.write(`${sandbox.id}\n`);
}

/** `tsnet __end NAME ID`: what the parent of a command calls when the command has ended and nobody else waits for it. */
export async function end(command: Command, name: SandboxName, id: SandboxId): Promise<void> {
  using context = await openContext(readSettings(command), createLogger('warn'));
  await endSandbox(context, name, id);
}
