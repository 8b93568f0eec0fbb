import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { getSystemErrorName } from 'node:util';
import { printable, TsnetError, type ProcessRef } from '../model/index.ts';

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
export interface LaunchRequest {
  /** What it is to see, or the process whose view it shares. */
  readonly view: LaunchView | { readonly target: ProcessRef };
  readonly command: readonly string[];
  /** Where its parent notes its exit status. */
  readonly exitFile?: string;
  /** Present: it goes on without us and writes here. */
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
  const lines = new Lines(createInterface({ input: control, crlfDelay: 0 }));
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
      if (request.logFile === undefined) return;
      control.destroy();
      child.unref();
    },
    signal: (signal) => void child.kill(signal),
    abandon: () => void control.destroy(),
  };
}

function start({ view, command, exitFile, logFile, atEnd = [] }: LaunchRequest): ChildProcess {
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
    ...flag('--exit-file', exitFile),
    ...(logFile === undefined ? [] : ['--detached']),
    ...atEnd.flatMap((word) => ['--at-end', word]),
  ];
  const log = logFile === undefined ? undefined : openSync(logFile, 'a', 0o600);
  try {
    return spawn(findLauncher(), [...seen, ...rest, '--', ...command], {
      stdio: log === undefined ? ['inherit', 'inherit', 'inherit', 'pipe'] : ['ignore', log, log, 'pipe'],
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

function failure(line: string | undefined, { command }: LaunchRequest): TsnetError {
  const [, number, step = ''] = /^failed (\d+) (.*)$/.exec(line ?? '') ?? [];
  if (number === undefined) {
    return new TsnetError(
      'unavailable',
      `start ${printable(command[0] ?? '')}: ${launcherName} ended too early`,
    );
  }
  const errno = getSystemErrorName(-Number(number));
  if (step === 'exec') return new CommandError(command[0] ?? '', errno);
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

/** The lines that come, one after the other; undefined when no more will. */
class Lines {
  readonly #come: string[] = [];
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(lines: Interface) {
    lines.on('line', (line) => {
      this.#come.push(line);
      this.#wake?.();
    });
    lines.on('close', () => {
      this.#isOver = true;
      this.#wake?.();
    });
  }

  async next(): Promise<string | undefined> {
    while (this.#come.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#come.shift();
  }
}
