import type { IncomingMessage } from 'node:http';

/** What happened in an engine. Source: Docker Engine API, GET /events. */
export interface EngineEvent {
  readonly Type: string;
  readonly Action: string;
  readonly Actor?: { readonly ID?: string };
}

/** The engine answered, and not with success. */
export class EngineRefusal extends Error {
  override readonly name = 'EngineRefusal';
  /** Of HTTP. */
  readonly status: number;

  constructor(path: string, status: number) {
    super(`${path}: status ${status}`);
    this.status = status;
  }
}

/** There is no engine of this host to ask, by the user's own settings; the message says which. */
export class EngineNotAsked extends Error {
  override readonly name = 'EngineNotAsked';
}

/** Longer than the list of ten thousand containers. */
const largestAnswer = 256 * 2 ** 20;

/**
 * Asks the Docker Engine API at `socketPath`: the engine of this host. Never called from inside a plugin call: the engine waits for its driver with the container locked.
 *
 * @param path without a version, so that every engine understands it
 * @param socket another engine's, which speaks the same
 * @throws EngineRefusal; EngineNotAsked; another error when there is no engine or it does not answer in time
 */
export async function askEngine(
  path: string,
  timeoutMs: number,
  signal?: AbortSignal,
  socket: string = socketPath(),
): Promise<unknown> {
  const signals = [AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])];
  const response = await get(path, AbortSignal.any(signals), socket);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > largestAnswer) throw new Error(`${path}: the answer does not end`);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

/**
 * Calls back for every event that fits, until the engine ends or the signal is given.
 *
 * @param filters such as `{ type: ['network'] }`
 * @param onOpen once the engine listens: what happens from then on is heard
 * @throws when there is no engine, or when it ends
 */
export async function followEngine(
  filters: Readonly<Record<string, readonly string[]>>,
  timeoutMs: number,
  signal: AbortSignal,
  { onOpen, onEvent }: { readonly onOpen: () => void; readonly onEvent: (event: EngineEvent) => void },
): Promise<void> {
  const opening = new AbortController();
  const timer = setTimeout(() => opening.abort(), timeoutMs);
  const query = new URLSearchParams({ filters: JSON.stringify(filters) }).toString();
  const response = await get(`/events?${query}`, AbortSignal.any([signal, opening.signal])).finally(() =>
    clearTimeout(timer),
  );
  onOpen();
  response.setEncoding('utf8');
  let rest = '';
  for await (const text of response as AsyncIterable<string>) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') onEvent(JSON.parse(line) as EngineEvent);
  }
}

async function get(path: string, signal: AbortSignal, socket = socketPath()): Promise<IncomingMessage> {
  // Half of what a command without an engine would take to start.
  const { request } = await import('node:http');
  return await new Promise((resolve, reject) => {
    const options = { socketPath: socket, path, headers: { host: 'docker' }, agent: false, signal };
    const call = request(options, (response) => {
      if (response.statusCode === 200) return resolve(response);
      response.resume();
      reject(new EngineRefusal(path, response.statusCode ?? 0));
    });
    call.on('error', reject);
    call.end();
  });
}

/**
 * Where the engine of this host is asked.
 *
 * @throws EngineNotAsked where `DOCKER_HOST` leads elsewhere than to a unix socket, as an engine elsewhere says nothing of
 *   this host
 */
export function socketPath(): string {
  const host = process.env['DOCKER_HOST'] ?? '';
  if (host === '') return '/var/run/docker.sock';
  if (/^unix:\/\/\/[^\0]+$/.test(host)) return host.slice('unix://'.length);
  throw new EngineNotAsked(
    `DOCKER_HOST is ${JSON.stringify(host)}, and only an engine of this host is asked: unset it, or unix:///PATH`,
  );
}

/** Whether the user said where the engine is, so that it is missed where it is not. */
export function isEngineNamed(): boolean {
  return (process.env['DOCKER_HOST'] ?? '') !== '';
}
