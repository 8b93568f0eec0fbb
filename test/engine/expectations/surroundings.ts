import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lanAddresses, type Engine } from '../../support/engine.ts';
import { run } from '../../support/engine-run.ts';

/** What lies around the host of every engine of this suite, besides its LAN. */
export const surroundings = {
  /** A second address of the host on its LAN. */
  secondHostAddress: '192.0.2.9',
  /** A host behind the neighbour on the LAN; the link to it has an MTU of 1300 bytes. */
  far: '198.51.100.9',
  farMtu: 1300,
  /**
   * Two DNS servers on the LAN; the first is the one that the engine is told. Each answers names that end in `.example`
   * with its own `answer` and knows no others.
   */
  dns: [
    { address: lanAddresses.lan.ipv4, answer: '203.0.113.2' },
    { address: '192.0.2.3', answer: '203.0.113.3' },
  ],
} as const;

const { far, farMtu, dns, secondHostAddress } = surroundings;
const farRouter = '198.51.100.1';

// Arguments: pairs of the address to listen on and the address to answer with.
const dnsServer = `
  const { createSocket } = require('node:dgram');
  const pairs = process.argv.slice(1);
  for (let i = 0; i < pairs.length; i += 2) {
    const socket = createSocket('udp4');
    socket.on('message', (query, from) => {
      let end = 12;
      while (query[end] !== 0) end += query[end] + 1;
      const isKnown = query.subarray(12, end).toString('latin1').endsWith('example');
      const isA = query.readUInt16BE(end + 1) === 1;
      const header = Buffer.from([query[0], query[1], 0x81, isKnown ? 0x80 : 0x83, 0, 1, 0, isKnown && isA ? 1 : 0, 0, 0, 0, 0]);
      const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...pairs[i + 1].split('.').map(Number)]);
      const question = query.subarray(12, end + 5);
      socket.send(Buffer.concat(isKnown && isA ? [header, question, record] : [header, question]), from.port, from.address);
    });
    socket.bind(53, pairs[i], () => console.log('listening'));
  }`;

/** Makes the surroundings of an engine; they go with it. Gives the name of the far host's network namespace. */
export async function makeSurroundings(
  engine: Engine,
): Promise<{ readonly farNetns: string } & AsyncDisposable> {
  const { name } = engine.netns;
  const farNetns = `${name}-far`;
  const ip = (...args: string[]) => run('ip', args);
  await ip('-n', name, 'address', 'add', `${secondHostAddress}/24`, 'dev', 'uplink0');
  await ip('-n', `${name}-lan`, 'address', 'add', `${dns[1].address}/24`, 'dev', 'eth0');
  await ip('netns', 'add', farNetns);
  const mtu = ['mtu', String(farMtu)];
  await ip(
    '-n',
    `${name}-lan`,
    'link',
    'add',
    'far0',
    ...mtu,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    ...mtu,
    'netns',
    farNetns,
  );
  await ip('-n', `${name}-lan`, 'address', 'add', `${farRouter}/24`, 'dev', 'far0');
  await ip('-n', farNetns, 'address', 'add', `${far}/24`, 'dev', 'eth0');
  await ip('-n', `${name}-lan`, 'link', 'set', 'far0', 'up');
  await ip('-n', farNetns, 'link', 'set', 'eth0', 'up');
  await ip('-n', farNetns, 'route', 'add', 'default', 'via', farRouter);
  await engine.lan.exec('sysctl', '-qw', 'net.ipv4.ip_forward=1');

  const pairs = dns.flatMap(({ address, answer }) => [address, answer]);
  const server = spawn(
    'nsenter',
    [`--net=${engine.lan.path}`, '--', process.execPath, '-e', dnsServer, ...pairs],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await once(server.stdout, 'data');
  return {
    farNetns,
    [Symbol.asyncDispose]: async () => {
      if (server.exitCode !== null) throw new Error('the DNS servers of the LAN ended before the tests did');
      server.kill('SIGKILL');
      await once(server, 'exit');
    },
  };
}
