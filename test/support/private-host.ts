import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { listLeftovers } from './engine-leftovers.ts';
import { run, until, type Run } from './engine-run.ts';
import { dist } from './libcni-plugins.ts';
import { privateHostInit } from './private-host-init.ts';

const project = join(import.meta.dirname, '../..');

/** A host for a container engine in namespaces of its own: network, mounts, processes, cgroups. */
export interface PrivateHost extends AsyncDisposable {
  /** The number of its process 1, as the test sees it: for nsenter(1). */
  readonly initPid: number;
  readonly exec: Run;
  /** Commands on a neighbour on its LAN, at 192.0.2.2; the host is 192.0.2.1. */
  readonly lan: Run;
  readonly tsnet: Run;
  /** Where the test finds a file of the host. */
  readonly path: (path: string) => string;
  /** Writes a file of the host, with its folders. */
  readonly write: (path: string, content: string, mode?: string) => Promise<void>;
  /** Starts a program that stays: its number is in /run/NAME.pid, both its outputs in /run/NAME.log. */
  readonly start: (name: string, ...command: readonly string[]) => Promise<void>;
  /** Starts `tsnet serve` and waits until it answers plugins. */
  readonly startDaemon: () => Promise<void>;
  readonly stopDaemon: () => Promise<void>;
  readonly daemonLog: () => Promise<string>;
  /** Everything of tsnet that is there, one line each. */
  readonly leftovers: () => Promise<string[]>;
}

/** How to start a host. */
export interface PrivateHostOptions {
  /** The root folder of another Debian (`scripts/lib/suite`); default: this machine's programs. */
  readonly root?: string;
  /** A word for its folder and its cgroup. */
  readonly label: string;
}

/**
 * Starts a host; takes about half a second. Everything ends with it.
 *
 * @throws {Error} a program is missing, or the kernel lacks what it takes
 */
export async function startPrivateHost({ root = '', label }: PrivateHostOptions): Promise<PrivateHost> {
  const folder = await mkdtemp(`/tmp/tsnet-${label}-`);
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
      privateHostInit,
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
  const tsnet: Run = (command, ...args) => exec(join(dist, 'tsnet'), command, ...args);
  const start: PrivateHost['start'] = async (name, ...command) => {
    const program = 'echo $$ >"/run/$0.pid"; exec "$@" >>"/run/$0.log" 2>&1 </dev/null';
    const detach = 'setsid "$@" >/dev/null 2>&1 </dev/null &';
    await exec('sh', '-c', detach, 'sh', 'sh', '-c', program, name, ...command);
  };
  return {
    initPid: Number(init),
    exec,
    lan: (command, ...args) => exec('ip', 'netns', 'exec', 'lan', command, ...args),
    tsnet,
    path: (path) => `/proc/${init}/root${path}`,
    write: async (path, content, mode = '644') => {
      const script = 'mkdir -p "${1%/*}"; printf %s "$2" >"$1"; chmod "$3" "$1"';
      await exec('sh', '-c', script, 'sh', path, content, mode);
    },
    start,
    startDaemon: async () => {
      await start('tsnet', join(dist, 'tsnet'), 'serve', '--log-level', 'debug');
      const answers = async () => (await exec('test', '-S', '/run/tsnet/tsnet.sock')) === '';
      await until('tsnet serve answers', answers);
    },
    stopDaemon: async () => {
      await exec('sh', '-c', 'kill "$(cat /run/tsnet.pid)"');
      const isGone = async () => (await exec('test', '!', '-e', '/run/tsnet/tsnet.sock')) === '';
      await until('tsnet serve is gone', isGone);
    },
    daemonLog: () => exec('cat', '/run/tsnet.log'),
    leftovers: () => listLeftovers(exec, tsnet),
    [Symbol.asyncDispose]: stop,
  };
}

/** The number of process 1 of the host, once it is ready. */
async function readyInit(child: ChildProcess): Promise<string> {
  let said = '';
  let isReady = false;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (isReady ||= text.includes('ready')));
  await until('the private host is ready', () => {
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
