import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { TrafficAnswer, TrafficRequest } from './traffic.ts';

// Runs as a program of its own on the LAN and opens connections. On one machine the kernel forwards a packet within the
// call that sends it, up to the socket it is for: the time of the calls is the time of the way, and no process waits for
// another. So a datagram from a socket that the host has not heard from yet costs what a new connection costs it.

const inFlight = 16;
const datagram = Buffer.from('x');
const udpSockets: Socket[] = [];

process.on('message', (request: TrafficRequest) => {
  const run = request.protocol === 'udp' ? sendDatagrams : openConnections;
  run(request).then(
    (ms) => process.send?.({ ms } satisfies TrafficAnswer),
    (error: unknown) => {
      console.error('traffic client:', error);
      process.exit(1);
    },
  );
});
process.once('disconnect', () => process.exit());

async function sendDatagrams({ host, port, count }: TrafficRequest): Promise<number> {
  while (udpSockets.length < count) udpSockets.push(await openUdp(host, port));
  const start = performance.now();
  for (const socket of udpSockets) socket.send(datagram);
  return performance.now() - start;
}

async function openUdp(host: string, port: number): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.connect(port, host);
  await once(socket, 'connect');
  return socket;
}

/** Opens connections, some at a time, and resets each as soon as it is open. */
function openConnections({ host, port, count }: TrafficRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    let opened = 0;
    let closed = 0;
    const open = () => {
      opened += 1;
      const socket = connect({ host, port });
      socket.once('error', reject);
      socket.once('connect', () => socket.resetAndDestroy());
      socket.once('close', () => {
        closed += 1;
        if (closed === count) resolve(performance.now() - start);
        else if (opened < count) open();
      });
    };
    for (let index = 0; index < inFlight; index++) open();
  });
}
