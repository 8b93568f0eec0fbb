import { connect, type Socket } from 'node:net';

/** The fields of an answer. */
export type Reply = Readonly<Record<string, unknown>>;

/**
 * Calls the plugin over one connection that stays open, one call after the other, as an engine does. Written on the bare
 * socket: Node's HTTP client costs more than the engine's, and that would count as ours.
 */
export class PluginClient implements Disposable {
  readonly #socket: Socket;
  #received = '';
  #waiting: { readonly resolve: (reply: Reply) => void; readonly reject: (error: Error) => void } | undefined;

  constructor(path: string) {
    this.#socket = connect(path);
    this.#socket.setEncoding('latin1').on('data', (text: string) => {
      this.#received += text;
      this.#answer();
    });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the plugin closed the connection')));
  }

  /** Makes one call. @throws Error when it fails or is refused */
  call(name: string, request: object = {}): Promise<Reply> {
    if (this.#waiting !== undefined) throw new Error(`${name}: another call is under way`);
    const body = JSON.stringify(request);
    return new Promise((resolve, reject) => {
      this.#waiting = {
        resolve: (reply) => {
          if ('Err' in reply) reject(new Error(`${name}: ${String(reply['Err'])}`));
          else resolve(reply);
        },
        reject,
      };
      this.#socket.write(
        `POST /${name} HTTP/1.1\r\nHost: plugin\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #answer(): void {
    const head = this.#received.indexOf('\r\n\r\n');
    if (head < 0) return;
    const length = /\r\nContent-Length: (\d+)/i.exec(this.#received.slice(0, head))?.[1];
    if (length === undefined) return this.#fail(new Error('an answer without Content-Length'));
    const end = head + 4 + Number(length);
    if (this.#received.length < end) return;
    const body = Buffer.from(this.#received.slice(head + 4, end), 'latin1').toString();
    this.#received = this.#received.slice(end);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(JSON.parse(body) as Reply);
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}
