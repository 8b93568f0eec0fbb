import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { listLeftovers } from './engine-leftovers.ts';
import { CommandError, run, until, type Run } from './engine-run.ts';
import { dist } from './libcni-plugins.ts';
import { podmanInit } from './podman-init.ts';

const project = join(import.meta.dirname, '../..');

/** The image that every host has; `scripts/lib/image` tells what it serves. */
export const podmanImage = 'localhost/tsnet-test';

/** A host with Podman in namespaces of its own: network, mounts, processes, cgroups. */
export interface PodmanHost extends AsyncDisposable {
  readonly exec: Run;
  /** Commands on a neighbour on its LAN, at 192.0.2.2; the host is 192.0.2.1. */
  readonly lan: Run;
  readonly podman: (...args: string[]) => Promise<string>;
  /** `podman …` that must fail; gives its error output. */
  readonly podmanFails: (...args: string[]) => Promise<string>;
  /** Commands inside a container. */
  readonly container: (name: string) => Run;
  readonly tsnet: Run;
  /** Writes a file of the host, with its folders. */
  readonly write: (path: string, content: string, mode?: string) => Promise<void>;
  /** Starts `tsnet serve` and waits until it answers plugins. */
  readonly startDaemon: () => Promise<void>;
  readonly stopDaemon: () => Promise<void>;
  readonly daemonLog: () => Promise<string>;
  /** Everything of tsnet that is there, one line each. */
  readonly leftovers: () => Promise<string[]>;
}

/** How to start a host. */
export interface PodmanOptions {
  /** The root folder of another Debian (`scripts/lib/suite`); default: this machine's programs. */
  readonly root?: string;
  readonly runtime: 'runc' | 'crun';
  /** Lines of the section `network` of containers.conf(5). */
  readonly network: readonly string[];
}

/**
 * Starts a host; takes about a second. Everything ends with it.
 *
 * @throws {Error} a program is missing, or the kernel lacks what it takes
 */
export async function startPodman({ root = '', runtime, network }: PodmanOptions): Promise<PodmanHost> {
  const folder = await mkdtemp('/tmp/tsnet-podman-');
  const cgroup = join(
    existsSync('/sys/fs/cgroup/unified') ? '/sys/fs/cgroup/unified' : '/sys/fs/cgroup',
    basename(folder),
  );
  mkdirSync(cgroup);
  const flags = '--mount --propagation private --net --pid --cgroup --ipc --uts --fork --kill-child';
  const child = spawn(
    'bash',
    ['-euc', `echo $$ >"$1/cgroup.procs"; exec unshare ${flags} bash -euc "$2" init "\${@:3}"`].concat([
      'start',
      cgroup,
      podmanInit,
      folder,
      project,
      root,
    ]),
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.stdin.end();
    await ended;
    await removeCgroup(cgroup);
    rmSync(folder, { recursive: true, force: true });
  };
  const init = await readyInit(child).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const enter = ['--mount', '--net', '--pid', '--cgroup', '--ipc', '--uts', `--target=${init}`, '--'];
  const clean = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LANG=C.UTF-8'];
  const exec: Run = (command, ...args) => run('nsenter', [...enter, ...clean, command, ...args]);
  const podman: PodmanHost['podman'] = (...args) => exec('podman', ...args);
  const tsnet: Run = (command, ...args) => exec(join(dist, 'tsnet'), command, ...args);
  const write: PodmanHost['write'] = async (path, content, mode = '644') => {
    await exec(
      'sh',
      '-c',
      'mkdir -p "${1%/*}"; printf %s "$2" >"$1"; chmod "$3" "$1"',
      'sh',
      path,
      content,
      mode,
    );
  };
  await write('/etc/containers/policy.json', '{"default":[{"type":"insecureAcceptAnything"}]}');
  await write('/etc/containers/storage.conf', storageConf);
  await write('/etc/containers/containers.conf', containersConf(runtime, network));
  return {
    exec,
    lan: (command, ...args) => exec('ip', 'netns', 'exec', 'lan', command, ...args),
    podman,
    podmanFails: async (...args) => {
      const output = await podman(...args).catch((error: unknown) => {
        if (error instanceof CommandError) return error;
        throw error;
      });
      if (output instanceof CommandError) return output.stderr;
      throw new Error(`podman ${args.join(' ')} should have failed but printed: ${output}`);
    },
    container:
      (name) =>
      (command, ...args) =>
        podman('exec', name, command, ...args),
    tsnet,
    write,
    startDaemon: async () => {
      const command = 'echo $$ >/run/tsnet.pid; exec "$@" >>/run/tsnet.log 2>&1 </dev/null';
      const serve = [join(dist, 'tsnet'), 'serve', '--log-level', 'debug'];
      await exec(
        'sh',
        '-c',
        'setsid "$@" >/dev/null 2>&1 </dev/null &',
        'sh',
        'sh',
        '-c',
        command,
        'sh',
        ...serve,
      );
      await until(
        'tsnet serve answers',
        async () => (await exec('test', '-S', '/run/tsnet/tsnet.sock')) === '',
      );
    },
    stopDaemon: async () => {
      await exec('sh', '-c', 'kill "$(cat /run/tsnet.pid)"');
      await until(
        'tsnet serve is gone',
        async () => (await exec('test', '!', '-e', '/run/tsnet/tsnet.sock')) === '',
      );
    },
    daemonLog: () => exec('cat', '/run/tsnet.log'),
    leftovers: () => listLeftovers(exec, tsnet),
    [Symbol.asyncDispose]: stop,
  };
}

/** Imports the image; kept out of the start for hosts that need none. */
export async function importImage({ podman }: Pick<PodmanHost, 'podman'>): Promise<void> {
  const tar = await run(join(project, 'scripts/lib/image'), []);
  await podman('import', '--change', 'CMD ["serve"]', '--change', 'ENV PATH=/bin', tar, podmanImage);
}

const storageConf =
  '[storage]\ndriver="vfs"\ngraphroot="/var/lib/containers/storage"\nrunroot="/run/containers"\n';

/** Without the limits a container does not start where the host's own are lower than what Podman asks for. */
function containersConf(runtime: string, network: readonly string[]): string {
  const engine = ['cgroup_manager="cgroupfs"', 'events_logger="file"', `runtime="${runtime}"`];
  const containers = [
    'log_driver="k8s-file"',
    'pids_limit=0',
    'default_ulimits=["nofile=1024:4096","nproc=4096:4096"]',
  ];
  return ['[network]', ...network, '[engine]', ...engine, '[containers]', ...containers, ''].join('\n');
}

/** The number of process 1 of the host, once it is ready. */
async function readyInit(child: ChildProcess): Promise<string> {
  let said = '';
  let isReady = false;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (isReady ||= text.includes('ready')));
  await until('the host of Podman is ready', () => {
    if (child.exitCode !== null) throw new Error(`it ended: ${said.trim()}`);
    return isReady;
  });
  return readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
}

/** The processes in it end a little after their process 1. */
async function removeCgroup(folder: string): Promise<void> {
  const folders = (await run('find', [folder, '-depth', '-type', 'd'])).split('\n');
  await until(`${folder} is empty`, () => {
    for (const path of folders) if (existsSync(path)) rmdirSync(path);
    return true;
  });
}
