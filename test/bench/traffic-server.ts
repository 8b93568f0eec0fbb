import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { ServerRequest } from './traffic.ts';

// Runs as a program of its own in a container's namespace. Answers each request once it listens; TCP connections are
// taken and left to the client to reset, datagrams are taken and forgotten.

process.on('message', (request: ServerRequest) => {
  void listen(request).then(() => process.send?.('listening'));
});
process.once('disconnect', () => process.exit());

async function listen({ protocol, port }: ServerRequest): Promise<void> {
  if (protocol === 'udp') {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 });
    socket.on('message', () => {});
    socket.bind(port);
    await once(socket, 'listening');
  } else {
    const server = createServer((socket) => socket.on('error', () => {}).resume());
    server.listen({ port, host: '0.0.0.0', backlog: 511 });
    await once(server, 'listening');
  }
}
