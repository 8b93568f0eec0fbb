import { closeSync, constants, fstatSync, openSync, readlinkSync, statSync } from 'node:fs';
import { Rtnetlink, type AskedNetns } from '../../kernel/netlink/index.ts';
import { TsnetError } from '../../model/index.ts';
import type { FoundNetns } from './find-namespaces.ts';
import { reasonOf, type Gaps } from './gaps.ts';
import type { NetnsId } from './snapshot.ts';

/**
 * A namespace held open: it neither ends nor becomes another one while it is looked at, whatever happens to the
 * process or file that led to it.
 */
export interface OpenNetns extends Disposable {
  readonly id: NetnsId;
  readonly descriptor: number;
  /** A path of it for as long as it is open, also for programs that are started; undefined for the caller's own. */
  readonly path: string | undefined;
  readonly found: FoundNetns;
}

/** Never waits and never takes a terminal, whatever kind of file somebody put there. */
const carefully = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Opens a namespace by the first door that leads to it and to nothing else. Undefined when none does: silently when it
 * has ended meanwhile, else with a gap.
 */
export function openNetns(found: FoundNetns, gaps: Gaps): OpenNetns | undefined {
  const { device } = caller();
  let why: string | undefined;
  for (const door of found.doors) {
    try {
      const descriptor = openSync(door, carefully);
      const opened = fstatSync(descriptor);
      if (opened.ino === found.inode && opened.dev === device) {
        const netns = held(descriptor, found);
        if (!found.isUncertain || isNetwork(netns)) return netns;
        netns[Symbol.dispose]();
        return undefined;
      }
      closeSync(descriptor);
      // A plain file is what remains where a namespace was pinned.
      if (opened.dev === device) why = `${door} leads to net:${opened.ino}`;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) why = reasonOf(error);
    }
  }
  if (why !== undefined) gaps.add(`net:${found.inode}`, why);
  return undefined;
}

/**
 * Takes over what `askNamespaces` opened by the first door; undefined, and closed, where that is not the namespace that
 * was found, or may be one of another kind.
 */
export function adoptNetns(found: FoundNetns, asked: AskedNetns): OpenNetns | undefined {
  const { descriptor, device, inode, answers } = asked;
  if (descriptor === undefined) return undefined;
  const isIt = inode === found.inode && device === caller().device;
  if (isIt && (!found.isUncertain || answers !== undefined)) return held(descriptor, found);
  closeSync(descriptor);
  return undefined;
}

/** Whether it can be entered as a network namespace; the kernel refuses one of another kind. */
function isNetwork({ path }: OpenNetns): boolean {
  try {
    Rtnetlink.openBlocking(path)[Symbol.dispose]();
    return true;
  } catch (error) {
    if (error instanceof TsnetError) return error.errno !== 'EINVAL';
    throw error;
  }
}

function held(descriptor: number, found: FoundNetns): OpenNetns {
  const { inode, pid } = caller();
  return {
    id: `net:${found.inode}`,
    descriptor,
    // By number, because a program that is started has a `self` of its own.
    path: found.inode === inode ? undefined : `/proc/${pid}/fd/${descriptor}`,
    found,
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}

interface Caller {
  /** Of the file system that namespaces are files of. */
  readonly device: number;
  /** Of the own network namespace, which never changes: nobody here enters another. */
  readonly inode: number;
  /** As `/proc` counts it. */
  readonly pid: string;
}

let known: Caller | undefined;

function caller(): Caller {
  if (known !== undefined) return known;
  const { dev, ino } = statSync('/proc/self/ns/net');
  known = { device: dev, inode: ino, pid: readlinkSync('/proc/self') };
  return known;
}
