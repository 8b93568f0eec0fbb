import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** What `scripts/bench` makes of plugin-client.c. */
const program = join(import.meta.dirname, '../../.cache/bench/plugin-client');

/** An answer, and how many milliseconds passed at the socket until it was there. */
export interface Reply {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly ms: number;
}

interface Waiting {
  readonly name: string;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Calls the plugin over one connection that stays open, one call after the other, as an engine does. A small program
 * keeps the connection and the time.
 */
export class PluginClient implements Disposable {
  readonly #program: ChildProcessByStdio<Writable, Readable, null>;
  #received = Buffer.alloc(0);
  #waiting: Waiting | undefined;

  constructor(path: string) {
    this.#program = spawn(program, [path], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#program.stdout.on('data', (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#answer();
    });
    this.#program.on('error', (error) => this.#fail(error));
    this.#program.on('exit', () => this.#fail(new Error('the connection to the plugin ended')));
  }

  /** Makes one call. @throws Error when it fails or is refused */
  call(name: string, request: object = {}): Promise<Reply> {
    if (this.#waiting !== undefined) throw new Error(`${name}: another call is under way`);
    const body = JSON.stringify(request);
    const head = `POST /${name} HTTP/1.1\r\nHost: plugin\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
    const bytes = Buffer.from(head + body);
    return new Promise((resolve, reject) => {
      this.#waiting = { name, resolve, reject };
      this.#program.stdin.write(Buffer.concat([Buffer.from(`${bytes.length}\n`), bytes]));
    });
  }

  [Symbol.dispose](): void {
    this.#program.stdin.end();
  }

  #answer(): void {
    const lineEnd = this.#received.indexOf('\n');
    if (lineEnd < 0 || this.#waiting === undefined) return;
    const [nanoseconds, length] = this.#received.toString('latin1', 0, lineEnd).split(' ').map(Number);
    const end = lineEnd + 1 + (length ?? 0);
    if (this.#received.length < end) return;
    const fields = JSON.parse(this.#received.toString('utf8', lineEnd + 1, end)) as Reply['fields'];
    this.#received = this.#received.subarray(end);
    const { name, resolve, reject } = this.#waiting;
    this.#waiting = undefined;
    if ('Err' in fields) reject(new Error(`${name}: ${String(fields['Err'])}`));
    else resolve({ fields, ms: (nanoseconds ?? 0) / 1e6 });
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}
