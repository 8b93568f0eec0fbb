import { createServer, type Server } from 'node:http';
import { TsnetError, toTsnetError } from '../../model/index.ts';
import type { Context } from '../../network/index.ts';
import { listen } from '../socket/index.ts';
import { errorReply } from './reply.ts';

/** A context that could be opened after all, and the server that listens already. */
export interface Awaited<Opened> {
  readonly context: Opened;
  readonly server: Server;
}

/**
 * Answers every call with the reason why the records can't be used, and tries to open them with each, until they can: a
 * daemon that ends is started again and again, until systemd gives up its socket as well.
 *
 * @param ended ends the waiting
 * @param onListening called once it answers
 * @returns undefined if it ended
 */
export async function waitForState<Opened extends Context>(
  place: string | number,
  open: () => Promise<Opened>,
  ended: Promise<unknown>,
  onListening: () => Promise<void>,
): Promise<Awaited<Opened> | undefined> {
  let opening: Promise<Opened | TsnetError> | undefined;
  const tryOnce = () =>
    (opening ??= open().catch((thrown: unknown) => {
      opening = undefined;
      return toTsnetError(thrown);
    }));
  let found: (opened: Opened) => void = () => undefined;
  const usable = new Promise<Opened>((resolve) => (found = resolve));
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    request.resume();
    void tryOnce().then((opened) => {
      const error = opened instanceof TsnetError ? opened : becameUsable();
      response.writeHead(500, { 'content-type': 'application/json', connection: 'close' });
      response.end(JSON.stringify(errorReply(error)));
      // Several calls may have waited for the same opening.
      if (!(opened instanceof TsnetError)) found(opened);
    });
  });
  server.keepAliveTimeout = 0;
  server.headersTimeout = 0;
  await listen(server, place, '--socket');
  await onListening();
  const context = await Promise.race([usable, ended.then(() => undefined)]);
  if (context !== undefined) return { context, server };
  await new Promise((resolve) => server.close(resolve));
  return undefined;
}

function becameUsable(): TsnetError {
  return new TsnetError('try-again', 'the records of tsnet can be used again', { hint: 'try again' });
}
