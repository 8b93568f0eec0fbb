import express, { type Express, type Request, type Response } from 'express';
import { toTsnetError, TsnetError } from '../../model/index.ts';
import type { Context } from '../../network/index.ts';
import { calls, callsWithoutBody, type Call } from './calls.ts';
import { errorReply } from './reply.ts';

// Engines wait for ever for an answer, with the container and its network locked.
const deadlineMs = 10_000;
const largestBody = '1mb';

/** The plugin as an HTTP application: `POST /<Call>` for every call, `GET /healthz`. */
export function createApp(context: Context): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.get('/healthz', (_, response) => {
    response.json({ status: 'ok' });
  });
  // Engines send no Content-Type.
  app.use(express.raw({ type: () => true, limit: largestBody }));
  for (const [name, call] of Object.entries(calls)) {
    app.post(`/${name}`, (request, response) => answer(context, name, call, request, response));
  }
  app.use((request, response) => {
    response
      .status(404)
      .json(errorReply(new TsnetError('not-found', `no such call: ${request.method} ${request.path}`)));
  });
  app.use((error: unknown, _request: Request, response: Response, _next: () => void) => {
    const message = error instanceof Error ? error.message : String(error);
    response.status(400).json(errorReply(new TsnetError('invalid-input', `request: ${message}`)));
  });
  return app;
}

async function answer(
  context: Context,
  name: string,
  call: Call,
  request: Request,
  response: Response,
): Promise<void> {
  const started = performance.now();
  const fields = () => ({ call: name, ms: Math.round((performance.now() - started) * 100) / 100 });
  try {
    const body = parseBody(name, request.body);
    const reply = await withDeadline(context, name, call, body);
    response.json(reply);
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
    if (call.isRemoval === true && isKernelFailure(error)) response.json({});
    else response.status(error instanceof UndecodableError ? 400 : 200).json(errorReply(error));
  }
}

/** The request can't be read at all, as against one that is read and refused. */
class UndecodableError extends TsnetError {}

function parseBody(name: string, body: unknown): unknown {
  const text = Buffer.isBuffer(body) ? body.toString('utf8') : '';
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
