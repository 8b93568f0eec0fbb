import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs';
import { writeFile, readFile } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { TsnetError, type IpFamily } from '../../model/index.ts';
import { parseSkbEvents, type SkbEvent } from './skb-event.ts';

/** What to look at. */
export interface SkbTraceOptions {
  readonly family: IpFamily;
  /** Lengths of IP packets of interest: sends and receives of others are not recorded. Drops are, whatever the length. */
  readonly lengths: readonly number[];
}

type Keeper = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * Records which links packets cross and where the kernel drops them, by its own trace points, in an instance of
 * tracefs of its own. A process that waits for the end of this one removes the instance, so it is gone after SIGKILL
 * as well; it also mounts tracefs, for itself alone, where nobody has.
 *
 * Source: Linux `Documentation/trace/ftrace.rst`.
 */
export class SkbTrace implements AsyncDisposable {
  /** The folder of the instance below that of tracefs. */
  readonly instance: string;
  readonly #folder: string;
  readonly #keeper: Keeper;

  private constructor(keeper: Keeper, instance: string) {
    this.#keeper = keeper;
    this.instance = instance;
    // The keeper's own view of the file system, as it may have mounted something there.
    this.#folder = `/proc/${keeper.pid}/root${root}/${instance}`;
  }

  /** @throws unsupported when the kernel does not offer it, denied */
  static async open({ family, lengths }: SkbTraceOptions): Promise<SkbTrace> {
    const instance = `instances/${instancePrefix()}-${process.pid}-${startTime(process.pid)}-${++count}`;
    const keeper = await startKeeper(instance);
    const trace = new SkbTrace(keeper, instance);
    try {
      removeStale(`/proc/${keeper.pid}/root${root}/instances`);
      const protocol = etherTypes[family];
      const anyOf = (extra: number) => lengths.map((length) => `len==${length + extra}`).join('||');
      await trace.#write('trace_clock', 'mono');
      await trace.#write('buffer_size_kb', String(bufferKilobytes));
      await trace.#enable('skb/kfree_skb', `protocol==${protocol}`);
      // Loopback has a link layer header as well; a tunnel has none.
      await trace.#enable('net/net_dev_start_xmit', `protocol==${protocol}&&(${anyOf(14)}||${anyOf(0)})`);
      await trace.#enable('net/netif_receive_skb', anyOf(0));
    } catch (error) {
      await trace[Symbol.asyncDispose]();
      throw failure(error instanceof Error ? error.message : String(error), error);
    }
    return trace;
  }

  /** What happened since it was opened. */
  async read(): Promise<SkbEvent[]> {
    return parseSkbEvents(await readFile(`${this.#folder}/trace`, 'utf8'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#keeper.exitCode !== null || this.#keeper.signalCode !== null) return;
    const ended = once(this.#keeper, 'exit');
    this.#keeper.stdin.end();
    await ended;
  }

  async #enable(event: string, filter: string): Promise<void> {
    await this.#write(`events/${event}/filter`, filter);
    await this.#write(`events/${event}/enable`, '1');
  }

  async #write(file: string, text: string): Promise<void> {
    await writeFile(`${this.#folder}/${file}`, text);
  }
}

let count = 0;
const root = '/sys/kernel/tracing';
/** For each processor; a probe needs little, and a busy host drops at most thousands a second. */
const bufferKilobytes = 256;
/** ETH_P_IP and ETH_P_IPV6. Source: `linux/if_ether.h`. */
const etherTypes = { 4: 0x0800, 6: 0x86dd } as const;

/** $1 is where tracefs belongs, $2 the instance. The end of standard input is the end of the one who asked for it. */
const keeperScript = `
  [ -d "$1/instances" ] || mount -t tracefs tracefs "$1" || exit 1
  mkdir "$1/$2" || exit 1
  echo ready
  cat > /dev/null
  echo 0 > "$1/$2/events/enable"
  rmdir "$1/$2"
`;

async function startKeeper(instance: string): Promise<Keeper> {
  // In a mount namespace of its own, so that nobody sees what it mounts, and a session of its own, so that Ctrl-C does
  // not end it before it has cleaned up.
  const keeper = spawn(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', keeperScript, 'tsnet-trace', root, instance],
    { stdio: ['pipe', 'pipe', 'pipe'], detached: true },
  );
  let errors = '';
  keeper.stderr.on('data', (text) => (errors += String(text)));
  keeper.stdin.on('error', () => {});
  const first = await Promise.race([
    once(keeper.stdout, 'data').then(() => 'ready' as const),
    once(keeper, 'exit').then(() => 'ended' as const),
    once(keeper, 'error').then(([error]) => error as Error),
  ]);
  if (first === 'ready') return keeper;
  throw failure(first === 'ended' ? errors.trim() : first.message);
}

function failure(why: string, cause?: unknown): TsnetError {
  return new TsnetError('unsupported', `trace packets in the kernel: ${why || 'tracefs is not available'}`, {
    hint: 'this needs root, and a kernel with trace events',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** With the pid namespace, as processes in another can't be seen and seem to have ended. */
function instancePrefix(): string {
  const [, inode = '0'] = /\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid')) ?? [];
  return `tsnet-${inode}`;
}

/** Removes instances whose makers have ended and could not clean up: both they and their keepers were killed. */
function removeStale(folder: string): void {
  const form = new RegExp(`^${instancePrefix()}-(?<pid>\\d+)-(?<start>\\d+)-\\d+$`);
  for (const name of readdirSync(folder)) {
    const { pid, start } = form.exec(name)?.groups ?? {};
    if (pid === undefined || startTime(Number(pid)) === start) continue;
    try {
      writeFileSync(`${folder}/${name}/events/enable`, '0');
      rmdirSync(`${folder}/${name}`);
    } catch {
      // Another run removes it at the same time, or somebody looks into it: the next run will find it again.
    }
  }
}

/** When a process began, in clock ticks since boot: with its pid it names it for good. Undefined when it has ended. Source: proc_pid_stat(5). */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
