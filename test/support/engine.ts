import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { startTsnetDaemon } from './engine-daemon.ts';
import { listLeftovers } from './engine-leftovers.ts';
import { CommandError, type Run, run, type RunOptions } from './engine-run.ts';

/** Name of the image every engine has; `scripts/lib/image` tells what it serves. */
export const testImage = 'tsnet-test';

/** Where the two ends of the link between the engine's host and the LAN are. */
export const lanAddresses = {
  engine: { ipv4: '192.0.2.1', ipv6: '2001:db8:1::1' },
  lan: { ipv4: '192.0.2.2', ipv6: '2001:db8:1::2' },
} as const;

/** A network namespace, and a way to run commands inside it. */
export interface Place {
  readonly name: string;
  readonly path: string;
  readonly exec: Run;
}

/** A real Docker Engine with namespaces of its own: network, mounts (its own `/run`), processes. */
export interface Engine extends AsyncDisposable {
  /** The engine's host: its links, firewall, processes and `/run`. */
  readonly netns: Place;
  /** A neighbour on the LAN of the engine's host, and the host's way out. */
  readonly lan: Place;
  /** The folder of the engine; everything in it is removed with it. */
  readonly folder: string;
  /** Where the engine looks for the plugin `tsnet`; a path of the test's own file system. */
  readonly pluginSocket: string;
  /** `docker …` against this engine. */
  readonly docker: (...args: string[]) => Promise<string>;
  /** `docker …` that must fail; gives its error output. */
  readonly dockerFails: (...args: string[]) => Promise<string>;
  /** The version that was asked for, else what `dockerd` of this machine says: major and minor. */
  readonly version: string;
  /** `docker-compose …` in a folder with a compose file: version 1 of Debian 12, version 2 with newer engines. */
  readonly compose: (folder: string, ...args: string[]) => Promise<string>;
  /** Commands inside a container. */
  readonly container: (name: string) => Run;
  /** `tsnet …` on the engine's host. */
  readonly tsnet: (...args: string[]) => Promise<string>;
  /** Starts `tsnet serve` on the engine's host and waits until it answers. */
  readonly startDaemon: (...flags: string[]) => Promise<void>;
  /** Ends it and waits until it is gone; gives its exit code, or the signal that ended it. */
  readonly stopDaemon: (signal?: NodeJS.Signals) => Promise<number | NodeJS.Signals>;
  /** What all daemons of this engine wrote to both outputs so far. */
  readonly daemonLog: () => Promise<string>;
  /** Ends dockerd, waits until it is gone, and starts it again with these flags instead of the first ones. */
  readonly restartEngine: (signal?: NodeJS.Signals, flags?: readonly string[]) => Promise<void>;
  /** Ends dockerd and leaves it so; `restartEngine` cannot follow, `resumeEngine` can. */
  readonly haltEngine: (signal?: NodeJS.Signals) => Promise<void>;
  /** Starts dockerd after `haltEngine`. */
  readonly resumeEngine: (flags?: readonly string[]) => Promise<void>;
  /** Everything of tsnet that is still there, one line each; empty when all was removed. */
  readonly leftovers: () => Promise<string[]>;
}

/** The engines there are; 20.10 is the one of Debian 12. */
export type EngineVersion = '20.10' | '26.1' | '28.5';

/** How to start an engine. */
export interface EngineOptions {
  /**
   * Default: the engine of this machine. Any other comes with the programs of its own Debian (`scripts/lib/suite`),
   * which is unpacked when it is used for the first time.
   */
  readonly version?: EngineVersion;
  /** Added to dockerd's command line, such as `--live-restore`. */
  readonly daemonFlags?: readonly string[];
}

const root = join(import.meta.dirname, '../..');
// Debian's own client, which fits its engine: a newer one that comes first on PATH refuses some flags to an old engine.
const dockerClient = existsSync('/usr/bin/docker') ? '/usr/bin/docker' : 'docker';
const script = join(root, 'scripts/lib/engine');

/**
 * Starts an engine; takes about two seconds, and a minute more when its Debian has to be unpacked. Everything ends and is removed when it is disposed, and also when the
 * test process dies.
 * @throws {Error} A program is missing, root rights are, or dockerd does not start; the message says what it said.
 */
export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const folder = await mkdtemp('/tmp/tsnet-');
  const name = folder.slice('/tmp/'.length);
  const { version, suite } = await findEngine(options.version);
  const stop = await startScript(folder, options.daemonFlags ?? [], suite);
  const enter = (args: readonly string[], runOptions?: RunOptions) =>
    run(script, ['enter', folder, ...args], runOptions);
  const exec: Run = (...command) => enter(command);
  const client = {
    DOCKER_HOST: `unix://${folder}/run/docker.sock`,
    DOCKER_CONFIG: join(folder, 'client'),
    COMPOSE_HTTP_TIMEOUT: '120',
  };
  const docker: Engine['docker'] = (...args) =>
    suite === undefined
      ? run(dockerClient, args, { env: client })
      : enter(['docker', ...args], { env: client });
  const daemon = startTsnetDaemon({ exec, folder, script, program: join(root, 'dist/tsnet') });
  const halt: Engine['haltEngine'] = async (signal = 'SIGTERM') => {
    await run(script, ['halt', folder, signal]);
  };
  const resume: Engine['resumeEngine'] = async (flags = []) => {
    await run(script, ['dockerd', folder, ...flags]);
  };

  return {
    netns: { name, path: `/run/netns/${name}`, exec },
    lan: {
      name: `${name}-lan`,
      path: `/run/netns/${name}-lan`,
      exec: (command, ...args) => run('nsenter', [`--net=/run/netns/${name}-lan`, '--', command, ...args]),
    },
    folder,
    version,
    pluginSocket: join(folder, 'run/docker/plugins/tsnet.sock'),
    docker,
    dockerFails: async (...args) => {
      const output = await docker(...args).catch((error: unknown) => {
        if (error instanceof CommandError) return error;
        throw error;
      });
      if (output instanceof CommandError) return output.stderr;
      throw new Error(`docker ${args.join(' ')} should have failed but printed: ${output}`);
    },
    compose: (project, ...args) =>
      suite === undefined
        ? run('docker-compose', args, { cwd: project, env: client })
        : enter(['sh', '-c', 'cd "$0" && exec docker-compose "$@"', project, ...args], { env: client }),
    container:
      (container) =>
      (command, ...args) =>
        docker('exec', container, command, ...args),
    tsnet: daemon.cli,
    startDaemon: daemon.start,
    stopDaemon: daemon.stop,
    daemonLog: daemon.log,
    restartEngine: async (signal, flags = options.daemonFlags) => {
      await halt(signal);
      await resume(flags);
    },
    haltEngine: halt,
    resumeEngine: resume,
    leftovers: () => listLeftovers(exec, daemon.cli),
    [Symbol.asyncDispose]: stop,
  };
}

/** Where an engine of this version is: on this machine, or in the folder of another Debian. */
async function findEngine(wanted?: EngineVersion): Promise<{ version: string; suite?: string }> {
  const said = await run('dockerd', ['--version']);
  const own = /\d+\.\d+/.exec(said)?.[0];
  if (own === undefined) throw new Error(`dockerd --version says no version: ${said}`);
  if (wanted === undefined || wanted === own) return { version: own };
  return {
    version: wanted,
    suite: await run(join(root, 'scripts/lib/suite'), [wanted], { timeoutMs: 600_000 }),
  };
}

/** Starts `scripts/lib/engine run`, which lives as long as its standard input; gives the function that ends it. */
async function startScript(
  folder: string,
  flags: readonly string[],
  suite: string | undefined,
): Promise<() => Promise<void>> {
  const child = spawn(script, ['run', folder, ...flags], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ENGINE_ROOT: suite ?? '' },
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`the engine ended with ${code ?? signal}: ${said.trim()}`));
    });
  });
  const ready = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => text.includes('ready') && resolve());
  });
  await Promise.race([
    ready,
    ended.then(() => {
      throw new Error(`the engine ended at once: ${said.trim()}`);
    }),
  ]);
  return () => {
    child.stdin.end();
    return ended;
  };
}
