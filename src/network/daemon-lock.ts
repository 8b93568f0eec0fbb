import { closeSync, ftruncateSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openLockFile } from '../kernel/lock-file.ts';
import { native } from '../kernel/native.ts';
import { netnsIdOf } from '../kernel/netns/index.ts';
import { ensureOwnFolder } from '../kernel/own-folder.ts';
import { toTsnetError, TsnetError } from '../model/index.ts';
import type { Settings } from './open-context.ts';

type Place = Pick<Settings, 'stateDirectory' | 'netns'>;

/**
 * Marks the records as those of a daemon, for as long as its process lives: one for each state, whatever its sockets. A
 * stopped process still holds it, a killed one does not.
 *
 * @throws conflict when another daemon uses the same records; denied
 */
export async function holdDaemonLock({ stateDirectory, netns }: Place): Promise<Disposable> {
  ensureOwnFolder(stateDirectory);
  const path = pathOf(stateDirectory);
  const descriptor = open(path);
  if (!(await isFree(descriptor))) {
    closeSync(descriptor);
    throw new TsnetError(
      'conflict',
      `serve: process ${readHolder(path)?.pid ?? 'unknown'} is already the daemon for ${stateDirectory}`,
      {
        subject: stateDirectory,
        hint: 'stop it, or choose another --state-dir and --run-dir in another network namespace',
      },
    );
  }
  ftruncateSync(descriptor);
  writeSync(descriptor, JSON.stringify({ pid: process.pid, netns: netnsIdOf(netns) }));
  return { [Symbol.dispose]: () => closeSync(descriptor) };
}

/** The process that is the daemon for these records; undefined when there is none. @throws denied */
export async function findDaemon({ stateDirectory }: Place): Promise<number | undefined> {
  const path = pathOf(stateDirectory);
  const holder = readHolder(path);
  if (holder === undefined) return undefined;
  const descriptor = open(path);
  try {
    return (await isFree(descriptor)) ? undefined : holder.pid;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Refuses to change the kernel of one network namespace by the records of another: as long as a daemon lives, its
 * namespace is the one that they are about.
 *
 * @throws conflict
 */
export async function refuseOtherNamespace({ stateDirectory, netns }: Place): Promise<void> {
  const path = pathOf(stateDirectory);
  const holder = readHolder(path);
  const own = netnsIdOf(netns);
  if (holder === undefined || holder.netns === own) return;
  const descriptor = open(path);
  try {
    if (await isFree(descriptor)) return;
  } finally {
    closeSync(descriptor);
  }
  const name = (id: string) => `net:[${id.slice(id.indexOf(':') + 1)}]`;
  throw new TsnetError(
    'conflict',
    `the records in ${stateDirectory} describe the network namespace ${name(holder.netns)} of daemon ${holder.pid}, not this one, ${name(own)}`,
    {
      subject: stateDirectory,
      hint: `nsenter -t ${holder.pid} -n, or choose another --state-dir and --run-dir`,
    },
  );
}

/** Removes the file of a lock that nobody holds any more. */
export function forgetDaemonLock({ stateDirectory }: Place): void {
  rmSync(pathOf(stateDirectory), { force: true });
}

interface Holder {
  readonly pid: number;
  readonly netns: string;
}

function pathOf(stateDirectory: string): string {
  return join(stateDirectory, 'daemon.lock');
}

async function isFree(descriptor: number): Promise<boolean> {
  try {
    await native().flock(descriptor, 'exclusive', 0);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ETIMEDOUT') return false;
    throw error;
  }
}

/** Whoever wrote there last; undefined where nobody did, or only in part. */
function readHolder(path: string): Holder | undefined {
  try {
    const { pid, netns } = (JSON.parse(readFileSync(path, 'utf8')) ?? {}) as Partial<Holder>;
    return typeof pid === 'number' && typeof netns === 'string' ? { pid, netns } : undefined;
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (isMissing || error instanceof SyntaxError) return undefined;
    throw unusable(path, error);
  }
}

function open(path: string): number {
  try {
    return openLockFile(path);
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, thrown: unknown): TsnetError {
  const { kind, message, hint = '' } = toTsnetError(thrown);
  return new TsnetError(kind, `open state: ${message}`, { subject: path, hint, cause: thrown });
}
