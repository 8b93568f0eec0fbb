import { setTimeout as sleep } from 'node:timers/promises';
import { TsnetError, type NamedSandbox, type ProcessRef } from '../model/index.ts';
import type { Context } from '../network/index.ts';
import { isRunning } from '../state/index.ts';
import { endSandbox } from './end-sandbox.ts';
import { findSandbox } from './find-sandbox.ts';
import { filesOf, readExit } from './sandbox-folder.ts';
import { stateOf } from './sandbox-state.ts';

/** How a sandbox is stopped. */
export interface StopOptions {
  /** What asks the command to end; SIGKILL ends it at once. */
  readonly signal: NodeJS.Signals;
  /** How long it has to obey before it is killed; negative for any time. */
  readonly graceSeconds: number;
}

/** After SIGKILL the kernel may still have work of the process to finish. */
const killedSeconds = 10;
const pauseMs = 10;

/**
 * Asks a sandbox's command to end, kills it if it does not, and takes its network away. One that has ended is success.
 *
 * @throws not-found; conflict while it is being made; try-again when the kernel does not let the process end
 */
export async function stopSandbox(
  context: Context,
  name: string,
  options: StopOptions,
): Promise<NamedSandbox> {
  const sandbox = context.state.read((view) => findSandbox(view, name));
  const { process: command } = sandbox;
  if (stateOf(sandbox) === 'created') {
    throw new TsnetError('conflict', `stop sandbox ${sandbox.name}: it is being made`, { hint: 'try again' });
  }
  if (command !== undefined && isRunning(command)) {
    send(command, options.signal);
    const isGone = await hasEnded(command, options.graceSeconds);
    if (!isGone) await kill(sandbox.name, command);
    await untilNoted(context, sandbox);
  }
  await endSandbox(context, sandbox.name, sandbox.id);
  return sandbox;
}

async function kill(name: string, command: ProcessRef): Promise<void> {
  send(command, 'SIGKILL');
  if (await hasEnded(command, killedSeconds)) return;
  throw new TsnetError(
    'try-again',
    `stop sandbox ${name}: process ${command.pid} was killed and does not end`,
  );
}

function send({ pid }: ProcessRef, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It ended in between.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function hasEnded(command: ProcessRef, seconds: number): Promise<boolean> {
  const deadline = performance.now() + (seconds < 0 ? Number.POSITIVE_INFINITY : seconds * 1000);
  while (isRunning(command)) {
    if (performance.now() >= deadline) return false;
    await sleep(pauseMs);
  }
  return true;
}

/** Its parent notes the exit status a moment after the end, or was killed itself. */
async function untilNoted({ runDirectory, state }: Context, { id, name }: NamedSandbox): Promise<void> {
  for (let tries = 0; tries < 50; tries += 1) {
    const isKnown = state.read((view) => view.sandbox(name)?.id === id);
    if (!isKnown || readExit(filesOf(runDirectory, id)) !== undefined) return;
    await sleep(pauseMs);
  }
}
