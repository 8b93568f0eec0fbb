import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Netns } from './netns.ts';

/** Packets on their way to a port, and those that arrive. */
export interface LeakProbe extends AsyncDisposable {
  /** When packets arrived since the probe began, in milliseconds of `monotonicMs`. */
  readonly arrivals: readonly number[];
}

/** A clock that all processes share. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

const receiver = `
  const socket = require('node:dgram').createSocket(process.argv[1].includes(':') ? 'udp6' : 'udp4');
  socket.on('message', () => console.log(Number(process.hrtime.bigint()) / 1e6));
  socket.bind(Number(process.argv[2]), () => console.log('ready'));
`;
const sender = `
  const socket = require('node:dgram').createSocket(process.argv[1].includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => {});
  setInterval(() => socket.send('x', Number(process.argv[2]), process.argv[1], () => {}), 1);
  console.log('ready');
`;

/** Sends a datagram to a port every millisecond, from one namespace into another, until it is disposed of. */
export async function startLeakProbe(
  from: Netns,
  to: Netns,
  address: string,
  port: number,
): Promise<LeakProbe> {
  const arrivals: number[] = [];
  const receiving = await start(to, receiver, [address, String(port)], (line) => arrivals.push(Number(line)));
  const sending = await start(from, sender, [address, String(port)], () => {});
  return {
    arrivals,
    async [Symbol.asyncDispose]() {
      for (const child of [sending, receiving]) {
        child.kill('SIGKILL');
        await once(child, 'close');
      }
    },
  };
}

/** The longest time in which packets arrived without a pause of 20 ms, in milliseconds; 0 when none did. */
export function longestWindowMs(arrivals: readonly number[]): number {
  let [longest, first] = [0, arrivals[0]];
  for (const [index, arrival] of arrivals.entries()) {
    const previous = arrivals[index - 1];
    if (first === undefined || (previous !== undefined && arrival - previous > 20)) first = arrival;
    // A packet alone stands for the millisecond until the next would have come.
    longest = Math.max(longest, arrival - first + 1);
  }
  return longest;
}

async function start(
  netns: Netns,
  script: string,
  args: readonly string[],
  onLine: (line: string) => void,
): Promise<ChildProcess> {
  const child = spawn('nsenter', [`--net=${netns.path}`, process.execPath, '-e', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let rest = '';
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the probe ended with ${code}`)));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line === 'ready') resolve();
        else onLine(line);
      }
    });
  });
  return child;
}
