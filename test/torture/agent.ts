/**
 * A program in one network namespace: echoes TCP on port 80, and keeps one connection to each of its targets, over which it
 * sends without end. Commands come and answers go as lines of JSON.
 */
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/**
 * What it is told. `watch`: more targets. `check`: whether all of them answer. `pause`: sends nothing until it is
 * told to check, from when on nothing is under way.
 */
export type AgentCommand =
  | { readonly watch: readonly { readonly host: string; readonly port: number }[] }
  | { readonly check: true }
  | { readonly pause: true };

/** One for each command: what was lost since the last one. */
export interface AgentAnswer {
  readonly lost: readonly string[];
}

const patienceMs = 5_000;
const everyMs = 250;

/** A connection that is never given up. */
interface Watched {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly socket: Socket;
  lastEcho: number;
}

const watched: Watched[] = [];
const lost: string[] = [];
let isPaused = false;

const server = createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.pipe(socket);
});
server.listen(80, '::', () => console.log('{"lost":[]}'));

setInterval(() => {
  if (isPaused) return;
  for (const one of watched) if (one.socket.writable) one.socket.write('.');
}, everyMs);

createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line) as AgentCommand;
  const work = 'watch' in command ? watch(command.watch) : 'pause' in command ? pause() : check();
  void work.then(() => console.log(JSON.stringify({ lost: lost.splice(0) } satisfies AgentAnswer)));
});

async function watch(targets: readonly { readonly host: string; readonly port: number }[]): Promise<void> {
  for (const { host, port } of targets) {
    const name = `${host} port ${port}`;
    const socket = connect(port, host);
    const one: Watched = { name, host, port, socket, lastEcho: Date.now() };
    socket.on('data', () => (one.lastEcho = Date.now()));
    socket.on('error', (error) => lost.push(`the lasting connection to ${name}: ${error.message}`));
    socket.on('end', () => lost.push(`the lasting connection to ${name} was ended`));
    watched.push(one);
    await ask(one);
  }
}

/** Waits until what was sent last has come back. */
async function pause(): Promise<void> {
  isPaused = true;
  await new Promise((resolve) => setTimeout(resolve, everyMs));
}

/** A new connection to each, and a sign of life on the lasting ones. */
async function check(): Promise<void> {
  isPaused = false;
  const begin = Date.now();
  await Promise.all(watched.map(ask));
  while (Date.now() - begin < patienceMs && watched.some(({ lastEcho }) => lastEcho < begin)) {
    await new Promise((resolve) => setTimeout(resolve, everyMs / 4));
  }
  for (const { name, lastEcho } of watched) {
    if (lastEcho < begin) lost.push(`the lasting connection to ${name} is silent`);
  }
}

function ask({ name, host, port }: Watched): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const end = (complaint?: string) => {
      clearTimeout(timer);
      socket.destroy();
      if (complaint !== undefined) lost.push(`a new connection to ${name}: ${complaint}`);
      resolve();
    };
    const timer = setTimeout(() => end(`nothing within ${patienceMs} ms`), patienceMs);
    socket.on('connect', () => socket.write('?'));
    socket.on('data', () => end());
    socket.on('error', (error) => end(error.message));
    socket.on('end', () => end('ended'));
  });
}
