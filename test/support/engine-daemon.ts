import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { type Run, run, until } from './engine-run.ts';

/** What the daemon of one engine needs to know about it. */
interface Host {
  readonly exec: Run;
  readonly folder: string;
  /** Path of `scripts/lib/engine`. */
  readonly script: string;
  /** Path of the program `tsnet`. */
  readonly program: string;
}

/** Runs tsnet on the host of an engine: as a command, and as the daemon. */
export interface TsnetDaemon {
  readonly cli: (...args: string[]) => Promise<string>;
  readonly start: (...flags: string[]) => Promise<void>;
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | NodeJS.Signals>;
  readonly log: () => Promise<string>;
}

/** Prepares tsnet for one engine; nothing runs before `start`. State lies in the folder of the engine. */
export function startTsnetDaemon({ exec, folder, script, program }: Host): TsnetDaemon {
  // Paths as the engine's host sees them; its /run is the folder's run.
  const socket = '/run/docker/plugins/tsnet.sock';
  const places = { socket, 'state-dir': join(folder, 'state'), 'run-dir': '/run/tsnet' };
  const env = {
    TSNET_SOCKET: places.socket,
    TSNET_STATE_DIR: places['state-dir'],
    TSNET_RUN_DIR: places['run-dir'],
  };
  const logFile = join(folder, 'tsnet.log');
  const pidFile = join(folder, 'tsnet.pid');
  let child: ChildProcess | undefined;

  const start: TsnetDaemon['start'] = async (...flags) => {
    if (child) throw new Error('the daemon runs already');
    const fixed = Object.entries(places).flatMap(([flag, value]) => [`--${flag}`, value]);
    const log = await open(logFile, 'a');
    // The number that bash writes is the one inside the engine's process namespace, as `stop` needs it.
    const started = spawn(
      script,
      [
        'enter',
        folder,
        'bash',
        '-c',
        'echo $$ >"$0"; exec "$@"',
        pidFile,
        program,
        'serve',
        ...fixed,
        ...flags,
      ],
      { stdio: ['ignore', log.fd, log.fd], env: { ...process.env, ...env } },
    );
    child = started;
    await log.close();
    try {
      await until('tsnet serve answers /healthz', async () => {
        if (hasEnded(started)) return true;
        return isHealthy(join(folder, socket));
      });
    } catch (error) {
      await stop('SIGKILL');
      throw new Error(`tsnet serve: ${await readLog()}`, { cause: error });
    }
    if (hasEnded(started)) {
      child = undefined;
      throw new Error(`tsnet serve ended at once: ${await readLog()}`);
    }
  };

  const stop: TsnetDaemon['stop'] = async (signal = 'SIGTERM') => {
    const running = child;
    if (!running) throw new Error('the daemon does not run');
    child = undefined;
    if (!hasEnded(running)) {
      const ended = once(running, 'exit');
      const pid = await readFile(pidFile, 'utf8');
      await exec('kill', '-s', signal.slice('SIG'.length), pid.trim());
      await ended;
    }
    return running.signalCode ?? running.exitCode ?? Number.NaN;
  };

  const readLog = async (): Promise<string> => (existsSync(logFile) ? readFile(logFile, 'utf8') : '');
  return {
    cli: (...args) => run(script, ['enter', folder, program, ...args], { env }),
    start,
    stop,
    log: readLog,
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function isHealthy(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: '/healthz', timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.once('error', () => resolve(false));
    asked.once('timeout', () => asked.destroy());
    asked.end();
  });
}
