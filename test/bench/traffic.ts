import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Netns } from '../support/netns.ts';
import type { Scope } from './scope.ts';

/** What the traffic client is asked to do. */
export interface TrafficRequest {
  /** UDP: one datagram each from so many sockets, open before. TCP: so many connections, opened and reset. */
  readonly protocol: 'udp' | 'tcp';
  readonly host: string;
  readonly port: number;
  readonly count: number;
}

/** How long it took, all together. */
export interface TrafficAnswer {
  readonly ms: number;
}

/** Where the traffic server listens. */
export interface ServerRequest {
  readonly protocol: 'udp' | 'tcp';
  readonly port: number;
}

/** A program of ours in a network namespace: it answers messages of one type with messages of another. */
export class Helper<Request extends object, Answer> implements AsyncDisposable {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /** Starts the compiled program of that name; it ends with the scope. */
  static start<Request extends object, Answer>(
    scope: Scope,
    netns: Netns,
    name: 'traffic-client' | 'traffic-server',
  ): Helper<Request, Answer> {
    const program = join(import.meta.dirname, `${name}.mjs`);
    const child = spawn('nsenter', [`--net=${netns.path}`, process.execPath, program], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
    });
    return scope.use(new Helper<Request, Answer>(child));
  }

  /** @throws Error when the program ends instead of answering */
  async ask(request: Request): Promise<Answer> {
    const gone = new AbortController();
    const answer = once(this.#process, 'message', { signal: gone.signal });
    const onEnd = () => gone.abort(new Error('the traffic program ended before it answered'));
    this.#process.once('exit', onEnd);
    try {
      this.#process.send(request);
      const [message] = (await answer) as [Answer];
      return message;
    } finally {
      this.#process.off('exit', onEnd);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }
}
