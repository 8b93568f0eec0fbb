import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { getSystemErrorName } from 'node:util';
import { printable, TsnetError, type ProcessRef } from '../model/index.ts';
import { environmentOf } from './command-environment.ts';
import { Lines } from './lines.ts';
import type { ProcessUser } from './resolve-user.ts';
import type { Execution } from './run-request.ts';

/** What a command is to see of the host; what is absent it sees as the host does. */
export interface LaunchView {
  readonly netns?: string;
  readonly hostname?: string;
  /** Files that stand in the place of those in `/etc`. */
  readonly hosts?: string;
  readonly resolvConf?: string;
  readonly hostnameFile?: string;
}

/** How a command is started. */
export interface LaunchRequest extends Omit<Execution, 'user'> {
  /** What it is to see, or the process whose view it shares. */
  readonly view: LaunchView | { readonly target: ProcessRef };
  readonly command: readonly string[];
  /** Absent: our own. */
  readonly user?: ProcessUser;
  /** Where its parent notes its exit status. */
  readonly exitFile?: string;
  /** Whether it goes on without us. */
  readonly isDetached: boolean;
  /** Where a detached one writes; absent: nowhere. */
  readonly logFile?: string;
  /** A command for the time when it has ended and we are gone. */
  readonly atEnd?: readonly string[];
}

/** A command that waits for its permission to begin. */
export interface Launch {
  readonly process: ProcessRef;
  /** Lets it begin; resolves once it is executed. @throws CommandError */
  begin(): Promise<void>;
  /** Passes a signal on to it. */
  signal(signal: NodeJS.Signals): void;
  /** Its exit status, when it has ended. */
  readonly exit: Promise<number>;
  /** Ends everything, unless it was let begin and is detached. */
  abandon(): void;
}

/** The command itself could not be executed. `exitCode` is what a shell would end with: 126 or 127. */
export class CommandError extends TsnetError {
  readonly exitCode: number;

  constructor(command: string, errno: string) {
    const isMissing = errno === 'ENOENT';
    super(
      isMissing ? 'not-found' : 'denied',
      `execute ${printable(command)}: ${isMissing ? 'there is no such program' : errno}`,
      { subject: command, errno },
    );
    this.exitCode = isMissing ? 127 : 126;
  }
}

/**
 * Starts a command in a view of its own, up to the point where it would be executed.
 *
 * @throws kernel, denied, unavailable when the view can't be made
 */
export async function launch(request: LaunchRequest): Promise<Launch> {
  const child = start(request);
  const control = child.stdio[3] as Duplex;
  const lines = new Lines(control);
  // What the other side does not read any more it does not miss.
  control.on('error', () => {});
  const exit = new Promise<number>((resolve) => {
    child.once('error', () => resolve(125));
    child.once('exit', (code) => resolve(code ?? 125));
  });
  const process = parseReady(await lines.next(), request);
  return {
    process,
    exit,
    async begin() {
      control.write('go\n');
      const line = await lines.next();
      if (line !== 'running') throw failure(line, request);
      if (!request.isDetached) return;
      control.destroy();
      child.unref();
    },
    signal: (signal) => void child.kill(signal),
    abandon: () => void control.destroy(),
  };
}

function start(request: LaunchRequest): ChildProcess {
  const { view, command, environment, workingDirectory, user, exitFile, isDetached, logFile } = request;
  const flag = (name: string, value: string | undefined) => (value === undefined ? [] : [name, value]);
  const seen =
    'target' in view
      ? ['--target', String(view.target.pid), '--start-time', view.target.startTime]
      : [
          ...flag('--netns', view.netns),
          ...flag('--hostname', view.hostname),
          ...flag('--hosts', view.hosts),
          ...flag('--resolv-conf', view.resolvConf),
          ...flag('--hostname-file', view.hostnameFile),
        ];
  const rest = [
    ...flag('--working-directory', workingDirectory),
    ...flag('--user', user === undefined ? undefined : [user.uid, user.gid, ...user.groups].join()),
    ...flag('--exit-file', exitFile),
    ...(isDetached ? ['--detached'] : []),
    ...(request.atEnd ?? []).flatMap((word) => ['--at-end', word]),
  ];
  const log = logFile === undefined ? undefined : openSync(logFile, 'a', 0o600);
  try {
    return spawn(findLauncher(), [...seen, ...rest, '--', ...command], {
      env: environmentOf(process.env, user, environment),
      stdio: isDetached
        ? ['ignore', log ?? 'ignore', log ?? 'ignore', 'pipe']
        : ['inherit', 'inherit', 'inherit', 'pipe'],
    });
  } finally {
    if (log !== undefined) closeSync(log);
  }
}

function parseReady(line: string | undefined, request: LaunchRequest): ProcessRef {
  const match = /^ready (\d+) (\d+)$/.exec(line ?? '');
  if (match === null) throw failure(line, request);
  return { pid: Number(match[1]), startTime: match[2] ?? '' };
}

function failure(line: string | undefined, request: LaunchRequest): TsnetError {
  const { command, workingDirectory } = request;
  const [, number, step = ''] = /^failed (\d+) (.*)$/.exec(line ?? '') ?? [];
  if (number === undefined) {
    return new TsnetError(
      'unavailable',
      `start ${printable(command[0] ?? '')}: ${launcherName} ended too early`,
    );
  }
  const errno = getSystemErrorName(-Number(number));
  if (step === 'exec') return new CommandError(command[0] ?? '', errno);
  if (step === 'chdir') {
    const kind = errno === 'EACCES' ? 'denied' : 'not-found';
    return new TsnetError(kind, `start in ${printable(workingDirectory ?? '')}: ${errno}`, { errno });
  }
  const doing = step.startsWith('/') ? `put the sandbox's file in the place of ${step}` : step;
  return new TsnetError(errno === 'EPERM' ? 'denied' : 'kernel', `start the sandbox: ${doing}: ${errno}`, {
    errno,
    ...(step.startsWith('/') && errno === 'ENOENT'
      ? { hint: `make ${step} on the host; it may be empty` }
      : {}),
  });
}

const launcherName = 'tsnet-run';

/** It lies beside the bundle, or in the package where this runs from source. @throws unavailable */
function findLauncher(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    for (const place of ['run', 'dist/run']) {
      const path = join(folder, place, launcherName);
      if (existsSync(path)) return path;
    }
    if (existsSync(join(folder, 'package.json'))) break;
  }
  throw new TsnetError('unavailable', `start a sandbox: the program ${launcherName} is not there`, {
    hint: 'npm run build',
  });
}
