import { readdir, readFile, readlink } from 'node:fs/promises';

/** A process that holds a socket open. */
export interface SocketOwner {
  readonly pid: number;
  /** The name of its program, at most 15 bytes, chosen by itself. */
  readonly command: string;
}

/** What a descriptor of a socket links to. Source: proc(5), `/proc/pid/fd`. */
const socketLink = /^socket:\[(\d+)\]$/;

/**
 * Which process holds each socket. Looks at every descriptor of every process, so it is for error messages only.
 * Sockets of processes that may not be looked at are absent.
 *
 * @param inodes as `Listener.inode`
 */
export async function findSocketOwners(inodes: Iterable<number>): Promise<Map<number, SocketOwner>> {
  const wanted = new Set(inodes);
  const owners = new Map<number, SocketOwner>();
  if (wanted.size === 0) return owners;
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of processes) {
    for (const inode of await socketsOf(pid)) {
      if (!wanted.has(inode) || owners.has(inode)) continue;
      owners.set(inode, { pid: Number(pid), command: await commandOf(pid) });
    }
    if (owners.size === wanted.size) break;
  }
  return owners;
}

/** Processes and descriptors go away while they are looked at. */
async function socketsOf(pid: string): Promise<number[]> {
  const folder = `/proc/${pid}/fd`;
  const descriptors = await readdir(folder).catch(() => []);
  const targets = await Promise.all(descriptors.map((name) => readlink(`${folder}/${name}`).catch(() => '')));
  return targets.flatMap((target) => {
    const inode = socketLink.exec(target)?.[1];
    return inode === undefined ? [] : [Number(inode)];
  });
}

async function commandOf(pid: string): Promise<string> {
  const text = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  return text.trimEnd();
}
