import { lstatSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { invalid, TsnetError } from '../../model/index.ts';
import type { Context } from '../../network/index.ts';
import { createApp } from './app.ts';

/** A plugin that answers on its socket. */
export interface PluginServer {
  /**
   * Answers what is under way and takes no more. Removes the socket if it was made here: one that systemd owns stays,
   * and its next caller starts the plugin again. Networks stay as they are.
   */
  close(): Promise<void>;
}

/**
 * Answers engines on a unix socket that only root can open: whoever can, rules the host's network.
 *
 * @param place a path, replaced if it is left over from a dead process, or the descriptor of a socket that listens
 * @throws conflict when a living process answers there
 */
export async function startServer(context: Context, place: string | number): Promise<PluginServer> {
  if (typeof place === 'string') {
    await removeStaleSocket(place);
    mkdirSync(dirname(place), { recursive: true });
  }
  const server = createServer({ requestTimeout: 0 }, createApp(context));
  // An engine that uses a connection just as we close it for being idle repeats its call without a body.
  server.keepAliveTimeout = 0;
  server.headersTimeout = 0;
  await listen(server, place);
  context.log.info('listening', { socket: typeof place === 'string' ? place : 'inherited' });
  return {
    close: () =>
      new Promise((resolve) => {
        // A socket file that nobody answers makes every `docker volume ls` wait 15 seconds.
        if (typeof place === 'string') rmSync(place, { force: true });
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

async function listen(server: Server, place: string | number): Promise<void> {
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

async function removeStaleSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw invalid('--socket', path, 'a path where nothing or a socket is');
  if (await isAnswered(path)) {
    throw new TsnetError('conflict', `listen on ${path}: another process answers there`, {
      subject: path,
      hint: 'stop the other tsnet serve, or give this one another --socket',
    });
  }
  rmSync(path, { force: true });
}

/** Whether a process listens on a socket. */
export function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
