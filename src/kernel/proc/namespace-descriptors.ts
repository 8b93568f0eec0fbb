import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

/** A namespace of some kind that a process holds open, perhaps without being in it. */
export interface NamespaceDescriptor {
  readonly inode: number;
  /** Such as `/proc/812/fd/9`. */
  readonly path: string;
}

/** Namespaces are numbered from here on, and hardly any file of a disk. Source: Linux `PROC_DYNAMIC_FIRST`. */
const firstInode = 0xf000_0000;

/**
 * Open descriptors of namespaces, of all processes that may be looked at but the caller. Of which kind a namespace is
 * tells the kernel when it is entered. Looks at every descriptor of the machine: 10 µs each.
 */
export function listNamespaceDescriptors(): NamespaceDescriptor[] {
  const device = statSync('/proc/self/ns/net').dev;
  const own = String(process.pid);
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== own);
  return pids.flatMap((pid) =>
    attempt(() => readdirSync(`/proc/${pid}/fd`), []).flatMap((name) => {
      const inode = attempt(() => inodeOf(pid, name, device), undefined);
      return inode === undefined ? [] : [{ inode, path: `/proc/${pid}/fd/${name}` }];
    }),
  );
}

/**
 * One that was opened through `/proc` tells what it is; one through a file that pins it has that file's name, and no
 * name once it is unpinned. Only files with a number that fits are asked, as the file system of another could hang.
 */
function inodeOf(pid: string, name: string, device: number): number | undefined {
  const path = `/proc/${pid}/fd/${name}`;
  const target = readlinkSync(path);
  const told = /^(\w+):\[(\d+)\]$/.exec(target);
  if (told !== null) return told[1] === 'net' ? Number(told[2]) : undefined;
  if (!target.startsWith('/')) return undefined;
  const inode = Number(/^ino:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${name}`, 'latin1'))?.[1]);
  return inode >= firstInode && statSync(path).dev === device ? inode : undefined;
}

/** Processes and descriptors go away while they are looked at. */
function attempt<Result, Otherwise>(action: () => Result, otherwise: Otherwise): Result | Otherwise {
  try {
    return action();
  } catch {
    return otherwise;
  }
}
