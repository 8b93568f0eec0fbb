import { lstatSync, mkdirSync, rmSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { invalid, TsnetError } from '../../model/index.ts';

/**
 * Makes a server listen on a unix socket that only root can open: whoever can, rules the host's network.
 *
 * @param place a path, replaced if it is left over from a dead process, or the descriptor of a socket that listens
 * @param flag what the user chooses the path by, for messages
 * @throws conflict when a living process answers there; invalid-input when something else than a socket is there
 */
export async function listen(server: Server, place: string | number, flag: string): Promise<void> {
  if (typeof place === 'string') {
    await removeStaleSocket(place, flag);
    // Nobody else may write there, whatever the umask.
    mkdirSync(dirname(place), { recursive: true, mode: 0o755 });
  }
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
  if (await isAnswered(path)) {
    throw new TsnetError('conflict', `listen on ${path}: another process answers there`, {
      subject: path,
      hint: `stop the other tsnet serve, or give this one another ${flag}`,
    });
  }
  rmSync(path, { force: true });
}

/**
 * Whether a process listens on a socket. Only a refusal proves that none does: one that was stopped and whose queue is full
 * answers with EAGAIN.
 */
export function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'),
    );
  });
}
