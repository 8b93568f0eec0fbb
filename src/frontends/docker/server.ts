import { rmSync } from 'node:fs';
import { createServer, IncomingMessage, ServerResponse, type Server, type ServerOptions } from 'node:http';
import type { Express } from 'express';
import type { Context } from '../../network/index.ts';
import { listen } from '../socket/index.ts';
import { createApp } from './app.ts';

/** A plugin that answers on its socket. */
export interface PluginServer {
  /**
   * Answers what is under way and takes no more. Removes the socket if it was made here: one that systemd owns stays,
   * and its next caller starts the plugin again. Networks stay as they are.
   */
  close(): Promise<void>;
}

const sweepMs = 50;

/**
 * Answers engines on a unix socket that only root can open: whoever can, rules the host's network.
 *
 * @param place a path, replaced if it is left over from a dead process, or the descriptor of a socket that listens
 * @param waiting a server that listens there already, and from now on gives real answers
 * @throws conflict when a living process answers there
 */
export async function startServer(
  context: Context,
  place: string | number,
  waiting?: Server,
): Promise<PluginServer> {
  const app = createApp(context);
  const server = waiting ?? createServer({ requestTimeout: 0, ...messagesOf(app) }, app);
  // An engine that uses a connection just as we close it for being idle repeats its call without a body.
  server.keepAliveTimeout = 0;
  server.headersTimeout = 0;
  if (waiting === undefined) await listen(server, place, '--socket');
  else waiting.removeAllListeners('request').on('request', app);
  context.log.info('listening', { socket: typeof place === 'string' ? place : 'inherited' });
  return {
    close: () =>
      new Promise((resolve) => {
        // A socket file that nobody answers makes every `docker volume ls` wait 15 seconds.
        if (typeof place === 'string') rmSync(place, { force: true });
        // A connection with a call under way becomes idle when that is answered, and stays open for the next one.
        const sweep = setInterval(() => server.closeIdleConnections(), sweepMs);
        server.close(() => {
          clearInterval(sweep);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

/**
 * Requests and responses as express wants them. It gives each its own prototype, and an object whose prototype changes
 * is slow in all that follows: 0.2 ms of a call after a rest. One that has it from the start stays as it is.
 */
function messagesOf(app: Express): ServerOptions {
  class Request extends IncomingMessage {}
  class Response extends ServerResponse {}
  app.request = Object.setPrototypeOf(Request.prototype, app.request) as Express['request'];
  app.response = Object.setPrototypeOf(Response.prototype, app.response) as Express['response'];
  return { IncomingMessage: Request, ServerResponse: Response as typeof ServerResponse };
}
