import { execFile, spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { vi } from 'vitest';
import { hostFacts } from '../../support/host-facts.ts';

const dist = process.env['TSNET_TEST_DIST'] ?? join(import.meta.dirname, '../../../dist');

/** What a program ended with and wrote. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A network namespace that plays a host without an engine, with names of namespaces of its own. */
export interface SandboxHost extends AsyncDisposable {
  readonly folder: string;
  /** The built `tsnet`. */
  readonly program: string;
  /** An address of the host that is not loopback. */
  readonly address: string;
  /** Runs the built `tsnet` as a user of the host would. */
  tsnet(...args: string[]): Promise<Outcome>;
  /** The same, and it must end with 0. @returns what it wrote */
  succeed(...args: string[]): Promise<string>;
  /** Starts it and does not wait. */
  start(args: readonly string[], stdio?: StdioOptions): ChildProcess;
  /** Starts it, kills it after so many milliseconds, and waits for its end. */
  killAfter(delayMs: number, ...args: string[]): Promise<void>;
  /** As `start` with another program of the host. */
  startProgram(words: readonly string[], stdio?: StdioOptions): ChildProcess;
  /** Runs another program of the host; it must end with 0. @returns what it wrote, trimmed */
  exec(command: string, ...args: string[]): Promise<string>;
  /** Everything that tsnet has left: records, kernel, names of namespaces, files, processes. */
  leftovers(): Promise<readonly string[]>;
}

const environment = (folder: string) => ({
  PATH: process.env['PATH'],
  DOCKER_HOST: 'unix:///nonexistent',
  TSNET_STATE_DIR: join(folder, 'state'),
  TSNET_RUN_DIR: join(folder, 'run'),
});

/**
 * Makes a host; the end of its scope ends everything in it.
 *
 * @param variables of the environment of `tsnet`
 */
export async function createSandboxHost(
  variables: Readonly<Record<string, string>> = {},
): Promise<SandboxHost> {
  const folder = mkdtempSync(join(tmpdir(), 'tsnet-run-'));
  const address = '192.0.2.1';
  const script = `
    mount -t tmpfs tmpfs /run/netns && ip link set lo up && ip link add up0 type veth peer name up1 &&
    ip address add ${address}/24 dev up0 && ip link set up0 up && ip link set up1 up &&
    ip route add default via 192.0.2.254 && echo ready && exec sleep infinity`;
  const holder = spawn('unshare', ['--net', '--mount', '--propagation', 'private', 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(holder, 'exit');
  await Promise.race([once(createInterface({ input: holder.stdout }), 'line'), ended]);
  if (holder.exitCode !== null) throw new Error('the host was not made');
  const entry = ['--target', String(holder.pid), '--net', '--mount', '--'];
  const env = { ...environment(folder), ...variables };
  const call = (...words: string[]): Promise<Outcome> =>
    new Promise((resolve) => {
      execFile('nsenter', [...entry, ...words], { env, timeout: 40_000 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, stdout, stderr });
      });
    });
  const insist = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await call(...words);
    if (code !== 0) throw new Error(`${words.join(' ')}: ${code} ${stderr}${stdout}`);
    return stdout;
  };
  const program = join(dist, 'tsnet');
  const host: SandboxHost = {
    folder,
    program,
    address,
    tsnet: (...args) => call(program, ...args),
    succeed: (...args) => insist(program, ...args),
    start: (args, stdio = ['ignore', 'pipe', 'pipe']) =>
      spawn('nsenter', [...entry, program, ...args], { env, stdio }),
    async killAfter(delayMs, ...args) {
      const child = host.start(args, 'ignore');
      const isOver = once(child, 'exit');
      await sleep(delayMs);
      child.kill('SIGKILL');
      await isOver;
    },
    startProgram: (words, stdio = ['ignore', 'pipe', 'pipe']) =>
      spawn('nsenter', [...entry, ...words], { env, stdio }),
    exec: async (command, ...args) => (await insist(command, ...args)).trim(),
    async leftovers() {
      const dump = JSON.parse(await insist(program, 'state', 'dump')) as object;
      const facts = await hostFacts({
        exec: async (...words) => ({ stdout: await insist(...words) }),
      });
      return [
        ...Object.keys(dump).filter((key) => !/^(?:meta|network|pool|lease|node)\//.test(key)),
        ...Object.keys(dump).filter((key) => key.startsWith('lease/') && !/\.1$|::1$/.test(key)),
        ...facts.filter((line) => /tsv-\w|tsc-|endpoint:/.test(line)),
        ...(await insist('ls', '/run/netns')).split('\n').filter((name) => name !== ''),
        ...files(join(folder, 'run/sandboxes')),
        ...files(join(folder, 'run/locks')).filter((name) => name.startsWith('sandbox-')),
        ...processesOf(folder),
      ];
    },
    async [Symbol.asyncDispose]() {
      for (const pid of processesOf(folder)) process.kill(Number(pid.split(' ')[0]), 'SIGKILL');
      holder.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return host;
}

/** Waits until an assertion holds, 15 s at most. */
export async function eventually(assertion: () => Promise<void>): Promise<void> {
  await vi.waitFor(assertion, { timeout: 15_000, interval: 100 });
}

function files(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The parents of commands, found by the folder on their command line. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const words = commandLine(pid);
      return words[0]?.endsWith('/tsnet-run') === true && words.some((word) => word.startsWith(folder))
        ? [`${pid} ${words.join(' ')}`]
        : [];
    });
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
