import { once } from 'node:events';
import { connect as connectHttp2, constants, type IncomingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import { encodeMessage, Message, type Fields } from './protobuf.ts';

/** What a method answered instead of a message; the message holds what the server says. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  /** Source: gRPC, Status codes; 5 is not found. */
  readonly code: number;

  constructor(method: string, code: number, said: string) {
    super(`${method}: ${said} (gRPC status ${code})`);
    this.code = code;
  }
}

/** Longer than a method's own work takes; the clean-up after an interrupted one takes longest. */
const timeoutMs = 30_000;

/**
 * Calls a method that takes a message and gives one, on a connection of its own.
 *
 * Source: gRPC over HTTP2, PROTOCOL-HTTP2.md.
 *
 * @param socket path of the server's unix socket
 * @param method such as `/runtime.v1.RuntimeService/Status`
 * @throws {GrpcError} what the server says
 * @throws {Error} there is no server, or it ended
 */
export async function callGrpc(socket: string, method: string, request: Fields): Promise<Message> {
  const session = connectHttp2('http://localhost', { createConnection: () => connect(socket) });
  try {
    await once(session, 'connect');
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: method,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.setTimeout(timeoutMs, () => stream.destroy(new Error(`${method}: no answer in ${timeoutMs} ms`)));
    const status: { said?: IncomingHttpHeaders } = {};
    // An error without a message comes in the headers alone.
    for (const event of ['response', 'trailers'] as const) {
      stream.on(event, (headers: IncomingHttpHeaders) => {
        if (headers['grpc-status'] !== undefined) status.said = headers;
      });
    }
    stream.end(frame(encodeMessage(request)));
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    if (status.said === undefined) throw new Error(`${method}: the connection ended`);
    const code = Number(status.said['grpc-status']);
    if (code !== 0) {
      throw new GrpcError(method, code, decodeURIComponent(String(status.said['grpc-message'] ?? '')));
    }
    return new Message(Buffer.concat(chunks).subarray(prefixLength));
  } finally {
    session.destroy();
  }
}

/** Whether it is compressed, and the length. */
const prefixLength = 5;

function frame(message: Buffer): Buffer {
  const prefix = Buffer.alloc(prefixLength);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}
