import type { Command } from 'commander';
import { invalid } from '../../../model/index.ts';
import { openContext, recover } from '../../../network/index.ts';
import { startServer } from '../../docker/server.ts';
import { createLogger, logLevels, type LogLevel } from '../logger.ts';
import { absolute, readSettings } from '../settings.ts';
import { version } from '../version.ts';

/**
 * `tsnet serve`: brings the kernel in line with the records, then answers engines until SIGTERM or SIGINT. Stopping
 * leaves the networks alone: containers keep theirs while the daemon is down.
 */
export async function serve(command: Command): Promise<void> {
  const flags = command.opts<{ socket: string; logLevel: string }>();
  const socket = absolute(flags.socket, '--socket');
  const log = createLogger(parseLevel(flags.logLevel));
  const settings = readSettings(command);
  using context = await openContext(settings, log);
  log.info('starting', { version, ...settings, firewall: context.kernel.firewall.backend });
  const changes = await recover(context);
  log.info('recovered', { changes: changes.length });
  const server = await startServer(context, socket);
  log.info('stopping', { signal: await signalled() });
  await server.close();
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
