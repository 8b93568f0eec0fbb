import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process that holds a socket open. */
export interface SocketOwner {
  readonly pid: number;
  /** The name of its program, at most 15 bytes, chosen by itself. */
  readonly command: string;
}

/** What a descriptor of a socket links to. Source: proc(5), `/proc/pid/fd`. */
const socketLink = /^socket:\[(\d+)\]$/;

/** How long the event loop is kept at a stretch. */
const turnMs = 20;

/**
 * Which process holds each socket. Looks at every descriptor of every process, 10 µs each, and lets others have their
 * turn. Sockets of processes that may not be looked at are absent.
 *
 * @param inodes as `Listener.inode`
 */
export async function findSocketOwners(inodes: Iterable<number>): Promise<Map<number, SocketOwner>> {
  const wanted = new Set(inodes);
  const owners = new Map<number, SocketOwner>();
  if (wanted.size === 0) return owners;
  let started = Date.now();
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    for (const inode of socketsOf(pid)) {
      if (!wanted.has(inode) || owners.has(inode)) continue;
      owners.set(inode, { pid: Number(pid), command: commandOf(pid) });
    }
    if (owners.size === wanted.size) break;
    if (Date.now() - started < turnMs) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    started = Date.now();
  }
  return owners;
}

function socketsOf(pid: string): number[] {
  const folder = `/proc/${pid}/fd`;
  return attempt(() => readdirSync(folder), []).flatMap((name) => {
    const target = attempt(() => readlinkSync(`${folder}/${name}`), '');
    const inode = socketLink.exec(target)?.[1];
    return inode === undefined ? [] : [Number(inode)];
  });
}

function commandOf(pid: string): string {
  return attempt(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd(), '');
}

/** Processes and descriptors go away while they are looked at. */
function attempt<Result>(action: () => Result, otherwise: Result): Result {
  try {
    return action();
  } catch {
    return otherwise;
  }
}
