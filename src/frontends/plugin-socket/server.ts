import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { toTsnetError } from '../../model/index.ts';
import type { Context } from '../../network/index.ts';
import { listen } from '../socket/index.ts';
import { answerTo, tryAgain, type AnswerTo } from './answer.ts';
import { formatAnswer, notMine, parseRequest, signOfLife, type Request } from './frame.ts';
import { InOrder } from './in-order.ts';
import type { Answer, Invocation } from './invocation.ts';
import { isOurs, ownNamespaces } from './place.ts';

/** Where the executables look for the daemon. */
export const socketName = 'tsnet.sock';

/** Longer than any lock and any DHCP server is waited for, and what runtimes grant a container's start. */
const deadlineMs = 120_000;
/** The C program gives up after ten seconds of silence. */
const signOfLifeMs = 1_000;
/** How long a caller may take to say what it wants. */
const requestMs = 5_000;
const mostConnections = 1_000;

/** The daemon's side of the executables for CNI and netavark. */
export interface PluginSocket extends AsyncDisposable {
  /** Answers what is under way and takes no more: whoever calls from now on does the work in a process of its own. */
  close(): Promise<void>;
}

/** What the server needs beside the context. */
export interface PluginSocketOptions {
  readonly runDirectory: string;
  readonly stateDirectory: string;
  /** Does the work; tests of the socket alone have one of their own. */
  readonly answerTo?: AnswerTo;
}

/**
 * Answers the executables on `<run directory>/tsnet.sock`: each connection is one call, and many are answered at a time.
 *
 * @throws conflict when a living process answers there
 */
export async function startPluginSocket(
  context: Context,
  { runDirectory, stateDirectory, answerTo: answer = answerTo }: PluginSocketOptions,
): Promise<PluginSocket> {
  const path = join(runDirectory, socketName);
  const own = ownNamespaces();
  const order = new InOrder();
  const server = createServer((socket) => {
    answerOne(socket).catch((error: unknown) => {
      context.log.warn('plugin call refused', { error: toTsnetError(error).message });
      socket.destroy();
    });
  });
  server.maxConnections = mostConnections;
  await listen(server, path, '--run-dir');
  context.log.info('listening', { socket: path });
  let ending: Promise<void> | undefined;
  const close = () =>
    (ending ??= new Promise((resolve) => {
      rmSync(path, { force: true });
      server.close(() => resolve());
    }));
  return { close, [Symbol.asyncDispose]: close };

  async function answerOne(socket: Socket): Promise<void> {
    const request = await receive(socket);
    if (request === undefined) return;
    if (!isOurs(request, own, stateDirectory)) return void socket.end(notMine);
    const { invocation } = request;
    const alive = setInterval(() => socket.write(signOfLife), signOfLifeMs);
    const started = performance.now();
    try {
      const work = async () =>
        // Who was killed while it waited for its turn wants nothing any more.
        socket.closed
          ? tryAgain(invocation, 'the caller is gone')
          : answer(() => Promise.resolve(context), invocation);
      const subject = subjectOf(invocation);
      const running = subject === undefined ? work() : order.run(subject, work);
      const reply = await withDeadline(invocation, running);
      socket.end(formatAnswer(reply));
      const ms = Math.round((performance.now() - started) * 100) / 100;
      context.log[reply.exitCode === 0 ? 'debug' : 'warn']('plugin call', {
        ...fields(invocation),
        ms,
        ...reply,
      });
    } finally {
      clearInterval(alive);
    }
  }
}

/**
 * What is to be done in order: all that concerns one interface of one container, or for netavark one sandbox. The program
 * belongs to it, because one of them may be called in the course of another.
 */
function subjectOf({ program, args, env }: Invocation): string | undefined {
  const { CNI_CONTAINERID: container, CNI_IFNAME: ifname } = env;
  const subject = args.length > 0 ? args[1] : container;
  return subject === undefined || subject === '' ? undefined : JSON.stringify([program, subject, ifname]);
}

function fields({ program, args, env }: Invocation): Record<string, unknown> {
  const { CNI_COMMAND: command, CNI_CONTAINERID: container, CNI_IFNAME: ifname } = env;
  return args.length > 0 ? { program, args } : { program, command, container, ifname };
}

/** The whole request; undefined when the caller went away before. @throws invalid-input for what is no request */
function receive(socket: Socket): Promise<Request | undefined> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    socket.setTimeout(requestMs, () => socket.destroy());
    // A caller that was killed is noticed when its answer is written.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(undefined));
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      try {
        const request = parseRequest(parts.length === 1 ? part : Buffer.concat(parts));
        if (request === undefined) return;
        socket.setTimeout(0);
        resolve(request);
      } catch (error) {
        reject(error);
      }
    });
  });
}

async function withDeadline(invocation: Invocation, running: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Answer>((resolve) => {
    const message = `tsnet: not done within ${deadlineMs / 1000} s; try again later`;
    timer = setTimeout(() => resolve(tryAgain(invocation, message)), deadlineMs);
  });
  return Promise.race([running, late]).finally(() => clearTimeout(timer));
}
