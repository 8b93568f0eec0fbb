import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a command printed. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A network namespace of its own for one test; the end of its scope removes it, and fails when a process is left in
 * it, which would keep the namespace alive.
 */
export interface Netns extends AsyncDisposable {
  /** As `ip netns` lists it. */
  readonly name: string;
  /** Such as `/run/netns/tsnet-test-…`. */
  readonly path: string;
  /**
   * Runs a command inside, as root, without a shell.
   *
   * @throws the error of `execFile`, with `stdout` and `stderr`, when the exit status is not 0
   */
  exec(command: string, ...args: string[]): Promise<Output>;
}

/**
 * Makes a network namespace at a unique name, with loopback up.
 *
 * @param label a word for people who look at `ip netns` during a test
 */
export async function createNetns(label = 'ns'): Promise<Netns> {
  const name = `tsnet-test-${label}-${process.pid}-${++count}`;
  const path = `/run/netns/${name}`;
  await run('ip', ['netns', 'add', name]);
  const exec = async (command: string, ...args: string[]): Promise<Output> =>
    await run('nsenter', [`--net=${path}`, command, ...args], { maxBuffer: 64 << 20 });
  await exec('ip', 'link', 'set', 'lo', 'up');
  return {
    name,
    path,
    exec,
    [Symbol.asyncDispose]: async () => {
      const { stdout } = await run('ip', ['netns', 'pids', name]);
      await run('ip', ['netns', 'del', name]);
      const left = stdout.split('\n').filter((pid) => pid !== '');
      if (left.length > 0) throw new Error(`${name}: processes ${left.join(', ')} were left in it`);
    },
  };
}

let count = 0;
