import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process and the namespaces it is in, by the numbers that name them on this machine. */
export interface ProcessNamespaces {
  readonly pid: number;
  /** Inode of its network namespace; absent where the process may not be looked at. */
  readonly netns: number | undefined;
  /** Inode of its mount namespace. */
  readonly mountNamespace: number | undefined;
}

/** What tells whose a process is. */
export interface ProcessIdentity {
  readonly pid: number;
  /** The name of its program, at most 15 bytes, chosen by itself: it may hold anything but zero. */
  readonly command: string;
  /** Path in the cgroup v2 hierarchy, or of the `pids` controller where v2 is not in use; `/` where none is told. */
  readonly cgroup: string;
  /** The first process of its pid namespace. */
  readonly isInit: boolean;
}

/** Parent of all threads of the kernel, itself one. Source: Linux `kthreadd`. */
const kernelThreads = 2;

/**
 * Every process of this machine that is there, by number; those that end meanwhile are left out. Reads synchronously:
 * nothing here waits for a disk, and one process costs 10 µs.
 */
export function listProcesses(): ProcessNamespaces[] {
  const pids = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  return pids
    .sort((one, other) => one - other)
    .flatMap((pid) => {
      const netns = readNamespace(pid, 'net');
      // It has ended, or it is dead and not yet buried.
      if (netns === 'gone') return [];
      const mount = readNamespace(pid, 'mnt');
      return [{ pid, netns: numberOf(netns), mountNamespace: numberOf(mount) }];
    });
}

/** Who a process is; undefined for a thread of the kernel and for one that has ended. */
export function readProcess(pid: number): ProcessIdentity | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const parent = Number(/^PPid:\s*(\d+)/m.exec(status)?.[1] ?? 0);
    if (pid === kernelThreads || parent === kernelThreads) return undefined;
    const inner = /^NSpid:\s*([\d\t ]+)$/m.exec(status)?.[1]?.trim().split(/\s+/).at(-1);
    return {
      pid,
      command: readFileSync(`/proc/${pid}/comm`, 'utf8').replace(/\n$/, ''),
      cgroup: parseCgroup(readFileSync(`/proc/${pid}/cgroup`, 'utf8')),
      isInit: inner === '1',
    };
  } catch {
    return undefined;
  }
}

/** The path in `/proc/<pid>/cgroup` that tells most. Source: cgroups(7). */
export function parseCgroup(text: string): string {
  const paths = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path !== undefined) for (const name of (controllers ?? '').split(',')) paths.set(name, path);
  }
  const unified = paths.get('');
  // In the hybrid layout the unified hierarchy may be there and unused.
  return unified === undefined || unified === '/' ? (paths.get('pids') ?? unified ?? '/') : unified;
}

type Told = number | 'gone' | 'refused';

function readNamespace(pid: number, kind: 'net' | 'mnt'): Told {
  try {
    const target = readlinkSync(`/proc/${pid}/ns/${kind}`);
    return Number(/\[(\d+)\]$/.exec(target)?.[1] ?? Number.NaN);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'EACCES' || code === 'EPERM' ? 'refused' : 'gone';
  }
}

function numberOf(told: Told): number | undefined {
  return typeof told === 'number' ? told : undefined;
}
