import { invalid, TsnetError } from '../../model/index.ts';
import type { Logger, Settings } from '../../network/index.ts';
import { isAnswered } from '../socket/index.ts';
import { defaultSocket, listeningSocket, noDockerFiles, units } from './docker-files.ts';
import { assertPrefix } from './assert-prefix.ts';
import { applyFiles, planRemoval } from './files.ts';
import { purge, purgeSteps, readHoldings, refuseEndpoints } from './purge.ts';
import type { Step } from './step.ts';
import { isSystemdRunning, isUnitActive, stepOf, systemctl } from './systemd.ts';

/** How to remove the installation. */
export interface UninstallOptions {
  /** Folder that stands for `/`. */
  readonly prefix: string;
  /** Plans and does nothing. */
  readonly isDryRun: boolean;
  /** Also networks and records: `unused` refuses while containers use them, `all` takes them away. */
  readonly purge: 'none' | 'unused' | 'all';
}

/**
 * Takes back what `installDocker` did. Networks stay, and containers keep them, unless they are purged.
 *
 * @returns what was done, in order
 * @throws conflict while endpoints exist or tsnet runs without systemd, for a purge; invalid-input; kernel
 */
export async function uninstallDocker(
  options: UninstallOptions,
  settings: Settings,
  log: Logger,
): Promise<Step[]> {
  const { prefix, isDryRun } = options;
  const isPurging = options.purge !== 'none';
  if (isPurging && prefix !== '/') throw invalid('--purge', prefix, 'no --prefix beside it');
  assertPrefix(prefix);
  const files = noDockerFiles(prefix);
  const fileSteps = planRemoval(files);
  const isManaged = listeningSocket(prefix) !== undefined && prefix === '/' && isSystemdRunning();
  const holdings = isPurging ? readHoldings(settings) : undefined;
  if (holdings !== undefined) {
    if (options.purge === 'unused') refuseEndpoints(holdings);
    if (!isManaged || !(await isUnitActive('tsnet.socket'))) {
      await refuseRunning(listeningSocket(prefix) ?? defaultSocket);
    }
  }
  const stop = isManaged ? [['disable', '--now', ...units]] : [];
  const reload = isManaged && fileSteps.some(({ action }) => action === 'remove') ? [['daemon-reload']] : [];
  if (!isDryRun) {
    for (const command of stop) await systemctl(command);
    applyFiles(files, fileSteps);
    for (const command of reload) await systemctl(command);
    if (isPurging) await purge(settings, log);
  }
  return [
    ...stop.map(stepOf),
    ...fileSteps,
    ...reload.map(stepOf),
    ...(holdings === undefined ? [] : purgeSteps(settings, holdings)),
  ];
}

/** A daemon at work would make new networks while the old ones are removed. */
async function refuseRunning(socket: string): Promise<void> {
  if (!(await isAnswered(socket))) return;
  throw new TsnetError('conflict', `purge: a process that systemd did not start answers on ${socket}`, {
    subject: socket,
    hint: 'stop the other tsnet serve first',
  });
}
