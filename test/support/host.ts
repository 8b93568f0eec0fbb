import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '../../src/frontends/docker/server.ts';
import {
  openContext,
  recover,
  type Logger,
  type OpenContext,
  type Settings,
} from '../../src/network/index.ts';
import { createNetns, type Netns } from './netns.ts';

/** What the plugin answered. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A network namespace that plays the host, with the plugin at work in it, in this process. */
export interface Host extends AsyncDisposable {
  readonly netns: Netns;
  readonly context: OpenContext;
  readonly socket: string;
  /** What the plugin logged at level warn and above. */
  readonly complaints: readonly string[];
  /** Calls the plugin as an engine does; a string goes out as it is, undefined as an empty body. */
  call(name: string, body?: object | string): Promise<Answer>;
  /** The same, and the answer must be a success. */
  succeed(name: string, body?: object): Promise<Readonly<Record<string, unknown>>>;
}

/** Makes a host; the caller disposes of it. */
export async function createHost(firewall: Settings['firewall'] = 'nftables'): Promise<Host> {
  const netns = await createNetns('host');
  const folder = mkdtempSync(join(tmpdir(), 'tsnet-host-'));
  // In memory, as /run is.
  const runDirectory = mkdtempSync('/dev/shm/tsnet-host-');
  const complaints: string[] = [];
  const socket = join(folder, 'tsnet.sock');
  const context = await openContext(
    { stateDirectory: join(folder, 'state'), runDirectory, firewall, netns: netns.path },
    collectingLogger(complaints),
  );
  await recover(context);
  const server = await startServer(context, socket);
  const call: Host['call'] = (name, body) =>
    post(socket, `/${name}`, typeof body === 'object' ? JSON.stringify(body) : body);
  return {
    netns,
    context,
    socket,
    complaints,
    call,
    async succeed(name, body) {
      const answer = await call(name, body);
      if (answer.status !== 200 || 'Err' in answer.body) {
        throw new Error(`${name}: ${answer.status} ${JSON.stringify(answer.body)}`);
      }
      return answer.body;
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      context[Symbol.dispose]();
      await netns[Symbol.asyncDispose]();
      for (const one of [folder, runDirectory]) rmSync(one, { recursive: true, force: true });
    },
  };
}

function collectingLogger(complaints: string[]): Logger {
  const collect = (message: string, fields?: Readonly<Record<string, unknown>>) => {
    complaints.push(`${message} ${JSON.stringify(fields ?? {})}`);
  };
  return { debug: () => {}, info: () => {}, warn: collect, error: collect };
}

function post(socketPath: string, path: string, body: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { socketPath, path, method: 'POST', headers: { host: 'plugin' } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Answer['body'] });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
