import { lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import {
  listNamespaceDescriptors,
  listNetnsMounts,
  type NetnsMount,
  type ProcessNamespaces,
} from '../../kernel/proc/index.ts';
import { reasonOf, type Gaps } from './gaps.ts';

/** A network namespace that something on this machine leads to. */
export interface FoundNetns {
  readonly inode: number;
  /** Where it is pinned, as the caller can reach it. */
  readonly paths: readonly string[];
  /** The processes in it, by number. */
  readonly pids: readonly number[];
  /** Where it can be opened, the surest first. */
  readonly doors: readonly string[];
  /** Whether it may as well be a namespace of another kind. */
  readonly isUncertain: boolean;
}

/** Folders whose entries name namespaces, also by links to `/proc/<pid>/ns/net`. Source: ip-netns(8), Docker. */
const folders = ['/run/netns', '/run/docker/netns'];

/** How closely to look for what processes and names do not show. */
export interface FindOptions {
  /** Whether to look at the mounts of other processes: of containers and services. */
  readonly mounts: boolean;
  /** Whether to look at the open descriptors of all processes, which costs most. */
  readonly descriptors: boolean;
}

/**
 * The network namespaces that processes are in and that are pinned somewhere. In the mounts of containers and
 * services only those count that nothing else shows: most see copies of the host's.
 */
export function findNamespaces(
  processes: readonly ProcessNamespaces[],
  gaps: Gaps,
  { mounts, descriptors }: FindOptions,
): FoundNetns[] {
  const pids = new Map<number, number[]>();
  for (const { pid, netns } of processes) {
    if (netns !== undefined) entry(pids, netns).push(pid);
  }
  const paths = new Map<number, string[]>();
  const mounted = mountsOf('self', '', gaps);
  const linked = linkedNames(new Set(mounted.map(({ path }) => path)));
  for (const { inode, path } of [...mounted, ...linked]) {
    const known = entry(paths, inode);
    if (!known.includes(path)) known.push(path);
  }
  for (const { inode, path } of mounts ? mountsElsewhere(processes, gaps) : []) {
    if (!pids.has(inode) && !paths.has(inode)) paths.set(inode, [path]);
  }
  const uncertain = new Set<number>();
  for (const { inode, path } of descriptors ? listNamespaceDescriptors() : []) {
    if (pids.has(inode) || paths.has(inode)) continue;
    paths.set(inode, [path]);
    uncertain.add(inode);
  }
  return [...new Set([...pids.keys(), ...paths.keys()])].map((inode) => {
    const residents = pids.get(inode) ?? [];
    const pinned = (paths.get(inode) ?? []).sort();
    const ofProcesses = residents.slice(0, mostTried).map((pid) => `/proc/${pid}/ns/net`);
    const doors = [...pinned, ...ofProcesses];
    return { inode, paths: pinned, pids: residents, doors, isUncertain: uncertain.has(inode) };
  });
}

/** Processes that are tried one after the other: some may have ended meanwhile. */
const mostTried = 8;

/** What is pinned in the mount namespaces of other processes, each looked at once. */
function mountsElsewhere(processes: readonly ProcessNamespaces[], gaps: Gaps): NetnsMount[] {
  const seen = new Set([inodeOf('/proc/self/ns/mnt')]);
  return processes.flatMap(({ pid, mountNamespace }) => {
    if (mountNamespace === undefined || seen.has(mountNamespace)) return [];
    seen.add(mountNamespace);
    return mountsOf(pid, `/proc/${pid}/root`, gaps);
  });
}

function mountsOf(process: number | 'self', root: string, gaps: Gaps): NetnsMount[] {
  try {
    return listNetnsMounts(process).map(({ inode, path }) => ({ inode, path: `${root}${path}` }));
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ESRCH', 'EINVAL'))
      gaps.add(`mounts of process ${process}`, reasonOf(error));
    return [];
  }
}

/** Names that are links, which no list of mounts shows; only those that lead to a namespace. */
function linkedNames(mounted: ReadonlySet<string>): NetnsMount[] {
  const device = statSync('/proc/self/ns/net').dev;
  return folders.flatMap((folder) =>
    namesIn(folder).flatMap((name) => {
      const path = `${folder}/${name}`;
      if (mounted.has(path)) return [];
      try {
        if (!lstatSync(path).isSymbolicLink()) return [];
        const { dev, ino } = statSync(path);
        // The file system of namespaces has them of all kinds; opening tells.
        return dev === device ? [{ inode: ino, path }] : [];
      } catch {
        return [];
      }
    }),
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The number in a link such as `net:[4026531840]`. */
export function inodeOf(path: string): number {
  return Number(/\[(\d+)\]$/.exec(readlinkSync(path))?.[1]);
}

function entry<Value>(lists: Map<number, Value[]>, key: number): Value[] {
  const known = lists.get(key);
  if (known !== undefined) return known;
  const made: Value[] = [];
  lists.set(key, made);
  return made;
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
