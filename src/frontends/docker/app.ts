import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type Express } from 'express';
import { toTsnetError, TsnetError } from '../../model/index.ts';
import type { Context } from '../../network/index.ts';
import { calls, callsWithoutBody, type Call } from './calls.ts';
import { readBody } from './body.ts';
import { errorReply } from './reply.ts';

// Engines wait for ever for an answer, with the container and its network locked.
const deadlineMs = 10_000;

const callsByPath: ReadonlyMap<string | undefined, readonly [name: string, call: Call]> = new Map(
  Object.entries(calls).map(([name, call]) => [`/${name}`, [name, call]]),
);

/** The plugin as an HTTP application: `POST /<Call>` for every call, `GET /healthz`. */
export function createApp(context: Context): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  // One layer for all calls, found by name: express tries routes one after the other, at 0.02 ms each.
  app.use((request, response, next) => {
    const [name, call] = (request.method === 'POST' && callsByPath.get(request.url)) || [];
    if (name === undefined || call === undefined) next();
    else void answer(context, name, call, request, response);
  });
  app.get('/healthz', (_, response) => {
    response.json({ status: 'ok' });
  });
  app.use((request, response) => {
    const error = new TsnetError('not-found', `no such call: ${request.method} ${request.path}`);
    send(response, 404, errorReply(error));
  });
  return app;
}

async function answer(
  context: Context,
  name: string,
  call: Call,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const started = performance.now();
  const fields = () => ({ call: name, ms: Math.round((performance.now() - started) * 100) / 100 });
  try {
    const body = parseBody(name, await readText(request));
    const reply = await withDeadline(context, name, call, body);
    send(response, 200, reply);
    context.log.debug('call', { ...fields(), request: body, reply });
  } catch (thrown) {
    const error = toTsnetError(thrown);
    context.log[error.kind === 'bug' ? 'error' : 'warn']('call failed', {
      ...fields(),
      kind: error.kind,
      error: error.message,
      ...(error.kind === 'bug' ? { stack: error.stack } : {}),
      ...(error.suppressed.length > 0 ? { suppressed: error.suppressed.map(String) } : {}),
    });
    if (call.isRemoval === true && isKernelFailure(error)) send(response, 200, {});
    else send(response, error instanceof UndecodableError ? 400 : 200, errorReply(error));
  }
}

/** What express' `json` does, without what it looks at on the way. */
function send(response: ServerResponse, status: number, reply: object): void {
  const body = JSON.stringify(reply);
  response
    .writeHead(status, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
    })
    .end(body);
}

async function readText(request: IncomingMessage): Promise<string> {
  try {
    return await readBody(request);
  } catch (cause) {
    throw new UndecodableError('invalid-input', `request: ${(cause as Error).message}`, { cause });
  }
}

/** The request can't be read at all, as against one that is read and refused. */
class UndecodableError extends TsnetError {}

function parseBody(name: string, text: string): unknown {
  if (text.trim() === '') {
    if (callsWithoutBody.has(name)) return {};
    // After a broken connection engines repeat a call without its body; taken for `{}` it would be answered wrongly.
    throw new UndecodableError('invalid-input', 'empty request (the connection was interrupted, try again)');
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new UndecodableError('invalid-input', `request: not JSON: ${(cause as Error).message}`, { cause });
  }
}

function isKernelFailure({ kind }: TsnetError): boolean {
  return kind !== 'invalid-input' && kind !== 'bug';
}

async function withDeadline(context: Context, name: string, call: Call, body: unknown): Promise<object> {
  const running = Promise.resolve(call.run(context, body));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), deadlineMs);
  });
  const first = await Promise.race([running, late]).finally(() => clearTimeout(timer));
  if (first !== 'late') return first;
  running
    .then(async () => {
      context.log.warn('call succeeded too late and is taken back', { call: name });
      await call.undo?.(context, body);
    })
    .catch((error: unknown) => context.log.warn('late call', { call: name, error: String(error) }));
  throw new TsnetError('try-again', `${name}: not done within ${deadlineMs / 1000} s`, { hint: 'try again' });
}
