import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Netns } from './netns.ts';
import { runScriptInside } from './script-inside.ts';

const run = promisify(execFile);

/** Nobody counts so long: buffers fill, the first burst passes, and the sender finds its pace. */
const settlingMs = 600;

/**
 * How much a TCP connection carries from one namespace to another, in bits of payload per second: 4 to 5 % less than
 * what passes the wire.
 *
 * @param to where it is received, at `address`, which may be of either family
 * @param measuringMs how long is counted
 */
export async function measureTcpRate(
  from: Netns,
  to: Netns,
  address: string,
  measuringMs = 1_800,
): Promise<number> {
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  await using _sender = await runScriptInside(from, senderScript(address, port));
  const { stdout } = await run(
    'nsenter',
    [`--net=${to.path}`, process.execPath, '-e', receiverScript(port, measuringMs)],
    { timeout: 20_000 },
  );
  return Number(stdout);
}

/** Tries again until somebody listens, then sends as fast as it can. */
const senderScript = (address: string, port: number) => `
  const chunk = Buffer.alloc(65536);
  const connect = () => {
    const socket = require('node:net').connect(${port}, '${address}');
    const send = () => { while (socket.write(chunk)); };
    socket.on('connect', send).on('drain', send).on('error', () => setTimeout(connect, 20));
  };
  connect();
  console.log('ready');
`;

/** Writes the rate and ends. */
const receiverScript = (port: number, measuringMs: number) => `
  const server = require('node:net').createServer((socket) => {
    let bytes = 0;
    socket.on('data', ({ length }) => { bytes += length; });
    setTimeout(() => {
      const [started, before] = [performance.now(), bytes];
      setTimeout(() => {
        process.stdout.write(String(8_000 * (bytes - before) / (performance.now() - started)), () => process.exit());
      }, ${measuringMs});
    }, ${settlingMs});
  }).listen(${port});
`;
