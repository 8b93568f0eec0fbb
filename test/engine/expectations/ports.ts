import { expect } from 'vitest';
import { lanAddresses } from '../../support/engine.ts';
import { httpWhoami } from '../../support/traffic.ts';
import type { Group } from './case.ts';
import type { Harness } from './harness.ts';
import { expectNoWeb, expectWeb, udpAsk, udpWhoami } from './probes.ts';
import { surroundings } from './surroundings.ts';

const host = lanAddresses.engine.ipv4;
const lan = lanAddresses.lan.ipv4;
const { secondHostAddress } = surroundings;

const tcp = (from: Harness['lan'], address: string = host) => expectWeb(from, `${address}:8080`, 'web');

const udp = async (from: Harness['lan'], address: string = host) => {
  expect(await udpAsk(from, address, 5353, 'hello')).toBe('hello');
};

const tcpAndUdp = async (from: Harness['lan'], address: string = host) => {
  await tcp(from, address);
  await udp(from, address);
};

const otherSource = {
  because:
    'docker-proxy answers from the address of the bridge, not from the one that was asked, before version 28',
  before: '28.0',
  error: /expected '' to be 'hello'/,
};

/** Ports published from the start of a container. */
export const ports: Group = {
  name: 'published ports',
  setUp: async ({ createNetwork, run }) => {
    await Promise.all([
      createNetwork('n1', '--subnet', '10.88.0.0/24'),
      createNetwork('n2', '--subnet', '10.89.0.0/24'),
    ]);
    const fixed = ['8080:80', '5353:5353/udp', '5354:5354/udp', '127.0.0.1:8082:80', `${host}:8083:80`];
    const free = ['80', '8000-8002:9000-9002', '8100-8110:9100', '127.0.0.1::81'];
    const flags = [...fixed, ...free].flatMap((port) => ['-p', port]);
    await Promise.all([
      run('web', 'n1', '--hostname', 'web', '-P', '--expose', '82', ...flags),
      run('neighbour', 'n1'),
      run('stranger', 'n2'),
      run('plain', 'bridge'),
    ]);
  },
  cases: [
    { name: 'answer the LAN', check: ({ lan }) => tcpAndUdp(lan) },
    { name: 'answer the host by its own address', check: ({ host: own }) => tcpAndUdp(own) },
    {
      name: 'answer the host by its loopback address',
      check: ({ host: own }) => tcpAndUdp(own, '127.0.0.1'),
    },
    { name: 'answer on every address of the host', check: ({ lan }) => tcpAndUdp(lan, secondHostAddress) },
    { name: 'answer a container of the same network', check: ({ inside }) => tcp(inside('neighbour')) },
    {
      name: 'answer a container of the same network (UDP)',
      bridgeFails: otherSource,
      check: ({ inside }) => udp(inside('neighbour')),
    },
    {
      name: 'answer a container of another network of the driver',
      check: ({ inside }) => tcp(inside('stranger')),
    },
    {
      name: 'answer a container of another network of the driver (UDP)',
      bridgeFails: otherSource,
      check: ({ inside }) => udp(inside('stranger')),
    },
    {
      name: "answer a container of the engine's default network",
      check: ({ inside }) => tcp(inside('plain')),
    },
    {
      name: "answer a container of the engine's default network (UDP)",
      bridgeFails: otherSource,
      check: ({ inside }) => udp(inside('plain')),
    },
    { name: 'answer the container itself', check: ({ inside }) => tcp(inside('web')) },
    {
      name: 'answer the container itself (UDP)',
      bridgeFails: otherSource,
      check: ({ inside }) => udp(inside('web')),
    },
    {
      name: 'answer a container by the gateway of its network',
      check: ({ inside }) => tcpAndUdp(inside('neighbour'), '10.88.0.1'),
    },
    {
      name: 'show the container the address of a LAN client',
      check: async (harness) => {
        expect(await httpWhoami(harness.lan, `${host}:8080`)).toBe(lan);
        expect(await udpWhoami(harness.lan, host)).toBe(lan);
      },
    },
    {
      name: 'show the container the address of a container of another network',
      bridgeFails: {
        because: 'docker-proxy passes the connection on, with the address of the bridge',
        error: /expected '10.88.0.1' to be/,
      },
      tsnetLacks: {
        because: 'what leaves a network towards another one is masqueraded like what leaves the host',
        error: /expected '10.88.0.1' to be/,
      },
      check: async ({ inside, attachment }) => {
        const stranger = await attachment('stranger', 'n2', 'IPAddress');
        expect(await httpWhoami(inside('stranger'), `${host}:8080`)).toBe(stranger);
      },
    },
    {
      name: 'on one host address answer only there',
      check: async ({ lan, host: own }) => {
        await expectWeb(own, '127.0.0.1:8082', 'web');
        await expectNoWeb(lan, `${host}:8082`);
        await expectWeb(lan, `${host}:8083`, 'web');
        await expectNoWeb(lan, `${secondHostAddress}:8083`);
        await expectNoWeb(own, '127.0.0.1:8083');
      },
    },
    {
      name: 'may be left to the engine, and -P publishes what is exposed',
      check: async ({ hostPort, lan }) => {
        expect(await hostPort('web', '81/tcp')).toBeGreaterThan(1023);
        expect(await hostPort('web', '82/tcp')).toBeGreaterThan(1023);
        await expectWeb(lan, `${host}:${await hostPort('web', '80/tcp')}`, 'web');
      },
    },
    {
      name: 'may be a range, or one of a range',
      check: async ({ hostPort }) => {
        for (const n of [0, 1, 2]) expect(await hostPort('web', `${9000 + n}/tcp`)).toBe(8000 + n);
        const one = await hostPort('web', '9100/tcp');
        expect(one >= 8100 && one <= 8110).toBe(true);
      },
    },
    {
      name: 'are shown by docker ps and docker port',
      tsnetLacks: {
        because: 'the engine shows ports of its own drivers only; tsnet ps does it',
        error: /expected '' to contain/,
      },
      check: async ({ docker }) => {
        expect(await docker('ps', '--filter', 'name=web', '--format', '{{.Ports}}')).toContain(
          ':8080->80/tcp',
        );
        expect(await docker('port', 'web', '5353/udp')).toContain(':5353');
      },
    },
    {
      name: 'answer a closed UDP port with ICMP',
      check: async ({ lan, run, remove, defer }) => {
        defer(() => remove('closed'));
        await run('closed', 'n1', '-p', '5360:5360/udp');
        await expect(udpAsk(lan, host, 5360, 'hello')).rejects.toThrow(/refused/);
      },
    },
  ],
};
