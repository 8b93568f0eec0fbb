import type { Command } from 'commander';
import type { Server } from 'node:http';
import { invalid, toTsnetError } from '../../../model/index.ts';
import {
  holdDaemonLock,
  openContext,
  recover,
  watchKernel,
  type Context,
  type Logger,
  type OpenContext,
  type Settings,
} from '../../../network/index.ts';
import { collectSandboxes } from '../../../run/index.ts';
import { takeInheritedSocket } from '../../docker/inherited-socket.ts';
import { startServer } from '../../docker/server.ts';
import { waitForState } from '../../docker/wait-for-state.ts';
import { startPluginSocket } from '../../plugin-socket/index.ts';
import { keepInLineWithEngine } from '../follow-engine.ts';
import { createLogger, logLevels, type LogLevel } from '../logger.ts';
import { notifyReady } from '../notify-ready.ts';
import { absolute, readSettings } from '../settings.ts';
import { version } from '../version.ts';

/**
 * `tsnet serve`: brings the kernel in line with the records, then answers engines, and the executables for CNI and
 * netavark, until SIGTERM or SIGINT. Meanwhile it
 * watches what others do to the kernel and, once it listens, what the engine has. Stopping leaves the networks alone:
 * containers keep theirs while the daemon is down.
 */
export async function serve(command: Command): Promise<void> {
  const flags = command.opts<{ socket: string; logLevel: string }>();
  const socket = takeInheritedSocket() ?? absolute(flags.socket, '--socket');
  const log = createLogger(parseLevel(flags.logLevel));
  const settings = readSettings(command);
  // Before anything is changed: of two daemons for the same records the second changes nothing.
  using _lock = await holdDaemonLock(settings);
  const stopSignal = signalled();
  const opened = await openOrWait(settings, log, socket, stopSignal);
  if (opened === undefined) return;
  using context = opened.context;
  log.info('starting', { version, ...settings, firewall: context.kernel.firewall.backend });
  await recoverIfPossible(context);
  await using plugins = await startPluginSocket(context, settings);
  const server = await startServer(context, socket, opened.server);
  await notifyReady(log);
  const sandboxes = endLostSandboxes(context);
  {
    await using _kernel = watchKernel(context);
    // An engine that boots waits for our answers, so it is asked only now, and never waited for.
    await using _engine = keepInLineWithEngine(context);
    log.info('stopping', { signal: await stopSignal });
    await Promise.all([server.close(), plugins.close(), sandboxes]);
    await context.linkRemoval.idle();
  }
}

/** The context; where the records can't be used, callers are told so until they can. Undefined if it ends before. */
async function openOrWait(
  settings: Settings,
  log: Logger,
  socket: string | number,
  stopSignal: Promise<string>,
): Promise<{ readonly context: OpenContext; readonly server?: Server } | undefined> {
  const open = () => openContext(settings, log);
  try {
    return { context: await open() };
  } catch (thrown) {
    const { kind, message, hint } = toTsnetError(thrown);
    if (kind !== 'unavailable') throw thrown;
    log.error('the records can not be used; every call is told so until they can', { error: message, hint });
    return waitForState(socket, open, stopSignal, () => notifyReady(log));
  }
}

/** A daemon that does not answer hangs the engine; what could not be put in order is tried again while it runs. */
async function recoverIfPossible(context: Context): Promise<void> {
  try {
    const changes = await recover(context);
    context.log.info('recovered', { changes: changes.length });
  } catch (thrown) {
    const error = toTsnetError(thrown);
    if (error.kind === 'denied' || error.kind === 'unsupported' || error.kind === 'bug') throw error;
    context.log.error('the kernel could not be brought in line with the records', {
      kind: error.kind,
      error: error.message,
    });
  }
}

/** Ends those of `tsnet run` whose end nobody saw, in the background: somebody may be in the middle of making one. */
async function endLostSandboxes(context: Context): Promise<void> {
  try {
    for (const { sandbox, why } of await collectSandboxes(context)) {
      context.log.info('sandbox ended', { sandbox: sandbox.name, why });
    }
  } catch (error) {
    context.log.warn('sandboxes could not be looked at', { error: String(error) });
  }
}

function parseLevel(text: string): LogLevel {
  const level = logLevels.find((name) => name === text);
  if (level === undefined) throw invalid('--log-level', text, logLevels.join(', '));
  return level;
}

function signalled(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}
