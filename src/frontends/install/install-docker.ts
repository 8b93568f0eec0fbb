import { TsnetError } from '../../model/index.ts';
import { isAnswered } from '../socket/index.ts';
import { dockerFiles, listeningSocket, units } from './docker-files.ts';
import { assertPrefix } from './assert-prefix.ts';
import { applyFiles, planFiles } from './files.ts';
import type { Step } from './step.ts';
import { isSystemdRunning, isUnitActive, stepOf, systemctl } from './systemd.ts';

/** How to install. */
export interface InstallOptions {
  /** Folder that stands for `/`; another one than `/` gets files only. */
  readonly prefix: string;
  /** Where tsnet listens. */
  readonly socket: string;
  /** Plans and does nothing. */
  readonly isDryRun: boolean;
}

/**
 * Makes systemd listen for Docker and start tsnet. Repeated it changes nothing; after an update of tsnet it replaces
 * what an older version wrote.
 *
 * @returns what was done, in order
 * @throws conflict for a file that is not ours, or when tsnet runs already without systemd; denied; unavailable
 */
export async function installDocker({ prefix, socket, isDryRun }: InstallOptions): Promise<Step[]> {
  assertPrefix(prefix);
  const former = listeningSocket(prefix);
  const files = dockerFiles(prefix, socket);
  const fileSteps = planFiles(files);
  const isHere = prefix === '/' && isSystemdRunning();
  const isActive = isHere && (await isUnitActive('tsnet.socket'));
  if (isHere && (!isActive || former !== socket)) await refuseOther(socket);
  const areUnitsNew = fileSteps.some(
    ({ action, subject }) => action !== 'keep' && units.some((unit) => subject.endsWith(`/${unit}`)),
  );
  // Told of a new place for the socket while it listens, systemd would forget to remove the old one.
  const before = areUnitsNew && isActive ? [['stop', ...units]] : [];
  const reload = areUnitsNew ? [['daemon-reload']] : [];
  const after = isHere ? [...reload, ['enable', '--now', ...units]] : [];
  if (!isDryRun) {
    for (const command of before) await systemctl(command);
    applyFiles(files, fileSteps);
    for (const command of after) await systemctl(command);
  }
  return [
    ...before.map(stepOf),
    ...fileSteps,
    ...after.map(stepOf),
    ...(isHere ? [] : [{ action: 'note', subject: absence(prefix) } as const]),
  ];
}

/** systemd replaces a socket file without asking who answers there. */
async function refuseOther(socket: string): Promise<void> {
  if (!(await isAnswered(socket))) return;
  throw new TsnetError('conflict', `install: a process that systemd did not start answers on ${socket}`, {
    subject: socket,
    hint: 'stop the other tsnet serve first; containers keep their networks meanwhile',
  });
}

function absence(prefix: string): string {
  const enable = `systemctl --root=${prefix} enable ${units.join(' ')}`;
  return prefix === '/'
    ? 'systemd does not run here, so nothing was started; start it with: tsnet serve'
    : `files only, as ${prefix} is not the root of this host; enable them with: ${enable}`;
}
