import { closeSync, fstatSync, constants, lstatSync, openSync, rmSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { native } from '../../kernel/native.ts';
import { ensureOwnFolder } from '../../kernel/own-folder.ts';
import { invalid, TsnetError } from '../../model/index.ts';

/**
 * Makes a server listen on a unix socket that only root can open: whoever can, rules the host's network.
 *
 * @param place a path, replaced if it is left over from a dead process, or the descriptor of a socket that listens
 * @param flag what the user chooses the path by, for messages
 * @throws conflict when a living process has it; denied for a folder of others; invalid-input when something else than a socket is there
 */
export async function listen(server: Server, place: string | number, flag: string): Promise<void> {
  if (typeof place === 'number') return bind(server, place);
  ensureOwnFolder(dirname(place), 0o755);
  const lock = await lockSocket(place, flag);
  try {
    await removeStaleSocket(place, flag);
    await bind(server, place);
  } catch (error) {
    release(lock);
    throw error;
  }
  server.once('close', () => release(lock));
}

async function bind(server: Server, place: string | number): Promise<void> {
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(typeof place === 'string' ? { path: place } : { fd: place }, resolve);
    });
  } catch (cause) {
    const subject = typeof place === 'string' ? place : `descriptor ${place}`;
    throw new TsnetError('kernel', `listen on ${subject}: ${(cause as Error).message}`, {
      subject,
      cause,
    });
  } finally {
    process.umask(mask);
  }
}

async function removeStaleSocket(path: string, flag: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw invalid(flag, path, 'a path where nothing or a socket is');
  if (await isAnswered(path)) throw taken(path, flag);
  rmSync(path, { force: true });
}

interface SocketLock {
  readonly path: string;
  readonly descriptor: number;
}

/** Held as long as the server listens: a daemon that is stopped, or too busy to answer, has it all the same. */
async function lockSocket(place: string, flag: string): Promise<SocketLock> {
  const path = `${place}.lock`;
  for (;;) {
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    try {
      await native().flock(descriptor, 'exclusive', 0);
    } catch {
      closeSync(descriptor);
      throw taken(place, flag);
    }
    // The holder before us removed the file: then ours is a lock that nobody else can see.
    if (fstatSync(descriptor).nlink > 0) return { path, descriptor };
    closeSync(descriptor);
  }
}

function release({ path, descriptor }: SocketLock): void {
  rmSync(path, { force: true });
  closeSync(descriptor);
}

function taken(path: string, flag: string): TsnetError {
  return new TsnetError('conflict', `listen on ${path}: another process has it`, {
    subject: path,
    hint: `stop the other tsnet serve, or give this one another ${flag}`,
  });
}

/** Whether a process listens on a socket. Only a refusal proves that nobody does: a full backlog is EAGAIN. */
export function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error) =>
      resolve(!('code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT'))),
    );
  });
}
