import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A datagram as it arrived, or as it is to be sent. */
export interface Datagram {
  readonly id: number;
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  readonly toPort: number;
}

/** A process in a network namespace that sends datagrams and hears those for its addresses and ports. */
export interface Datagrams extends AsyncDisposable {
  /** Resolves once it has left. */
  readonly send: (datagram: Datagram) => Promise<void>;
  readonly arrived: readonly Datagram[];
}

/** Runs inside: hears at every address and port, tells what came, sends what it is told to. */
const script = `
  const { createSocket } = require('node:dgram');
  const [addresses, ports] = JSON.parse(process.argv[1]);
  const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
  const kindOf = (address) => (address.includes(':') ? 'udp6' : 'udp4');
  const all = addresses.flatMap((to) => ports.map((toPort) => new Promise((resolve, reject) => {
    const socket = createSocket(kindOf(to)).once('error', reject);
    socket.on('message', (text, { address, port }) => say({ id: Number(text), from: address, fromPort: port, to, toPort }));
    socket.bind(toPort, to, resolve);
  })));
  Promise.all(all).then(() => say('ready'));
  require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, from, fromPort, to, toPort } = JSON.parse(line);
    const socket = createSocket(kindOf(to)).on('error', () => {});
    socket.bind(fromPort, from, () => socket.send(String(id), toPort, to, () => { socket.close(); say({ sent: id }); }));
  }).on('close', () => process.exit());
`;

/** Starts it and waits until it hears. */
export async function startDatagrams(
  netns: string,
  addresses: readonly string[],
  ports: readonly number[],
): Promise<Datagrams> {
  const child = spawn(
    'nsenter',
    [`--net=${netns}`, process.execPath, '-e', script, JSON.stringify([addresses, ports])],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const arrived: Datagram[] = [];
  const leaving = new Map<number, () => void>();
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`datagrams in ${netns} ended with ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as Datagram | 'ready' | { readonly sent: number };
      if (said === 'ready') resolve();
      else if ('sent' in said) leaving.get(said.sent)?.();
      else arrived.push(said);
    });
  });
  return {
    arrived,
    send: async (datagram) => {
      await new Promise<void>((resolve) => {
        leaving.set(datagram.id, resolve);
        child.stdin.write(`${JSON.stringify(datagram)}\n`);
      });
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
