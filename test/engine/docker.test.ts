import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { lanAddresses, startEngine, testImage, type Engine } from '../support/engine.ts';
import { until } from '../support/engine-run.ts';
import { hostFacts } from '../support/host-facts.ts';
import { httpFailure, httpGet, httpWhoami, ping, udpAsk } from '../support/traffic.ts';

// The main job on a real engine: networks and containers made with docker, traffic from everywhere it may come from.
const { engine: host, lan } = lanAddresses;

let engine: Engine;
let untouched: string[];

beforeAll(async () => {
  engine = await startEngine();
  await engine.startDaemon();
  untouched = await facts();
});

/** What tsnet could have left on the host. The engine's own bridge and the uplink change by themselves with traffic. */
const facts = async () => {
  const lines = await hostFacts({ exec: async (...args) => ({ stdout: await engine.netns.exec(...args) }) });
  return lines.filter((line) => !/\b(?:docker0|uplink0)\b/.test(line));
};

afterEach(async () => {
  const containers = (await engine.docker('ps', '-aq')).split('\n').filter((id) => id !== '');
  if (containers.length > 0) await engine.docker('rm', '-f', ...containers);
  await engine.docker('network', 'prune', '-f');
  expect(await engine.leftovers()).toEqual([]);
  expect(await facts()).toEqual(untouched);
});

afterAll(async () => {
  await engine.stopDaemon();
  expect(await engine.daemonLog()).not.toContain('"kind":"bug"');
  await engine[Symbol.asyncDispose]();
});

const createNetwork = (name: string, ...flags: string[]) =>
  engine.docker('network', 'create', '-d', 'tsnet', '--ipam-driver', 'tsnet', ...flags, name);

const run = (name: string, network: string, ...flags: string[]) =>
  engine.docker('run', '-d', '--name', name, '--network', network, ...flags, testImage);

const addressOf = (container: string, network: string) =>
  engine.docker('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, container);

const isServing = (container: string) =>
  until(
    `${container} serves`,
    async () => (await httpGet(engine.container(container), 'http://127.0.0.1/')) !== '',
  );

describe('a network', () => {
  it('lets containers talk by name and by address, and reach the outside', async () => {
    await createNetwork('n1', '--subnet', '10.88.0.0/24');
    await run('web', 'n1', '--network-alias', 'www');
    await run('client', 'n1');
    await isServing('web');
    const client = engine.container('client');
    const hostname = await engine.container('web')('hostname');
    expect(await addressOf('web', 'n1')).toBe('10.88.0.2');
    for (const name of ['web', 'www', '10.88.0.2']) {
      await ping(client, name);
      expect(await httpGet(client, `http://${name}/`)).toBe(hostname);
    }
    expect(await httpWhoami(client, 'web')).toBe('10.88.0.3');
    expect(await udpAsk(client, 'web', 5353, 'hello')).toBe('hello');
    await ping(client, lan.ipv4);
    await ping(client, '10.88.0.1');
  });

  it('gets a range of its own when none is named, away from the routes of the host', async () => {
    await createNetwork('n1');
    await createNetwork('n2');
    const subnets = await Promise.all(
      ['n1', 'n2', 'bridge'].map((name) =>
        engine.docker('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Subnet}}', name),
      ),
    );
    expect(new Set(subnets).size).toBe(3);
    await run('web', 'n1');
    await ping(engine.container('web'), lan.ipv4);
  });

  it('keeps what the user asked for: addresses, gateway, range, MAC, MTU, interface name', async () => {
    const flags = ['--subnet', '10.88.0.0/16', '--gateway', '10.88.0.254', '--ip-range', '10.88.7.0/24'];
    await createNetwork(
      'n1',
      ...flags,
      '--aux-address',
      'router=10.88.7.0',
      '-o',
      'mtu=1400',
      '-o',
      'interface_prefix=lan',
    );
    await run('fixed', 'n1', '--ip', '10.88.9.9', '--mac-address', '02:42:00:00:00:99');
    await run('dynamic', 'n1');
    const links = await engine.container('fixed')('ip', '-o', 'link', 'show', 'lan0');
    expect(links).toContain('mtu 1400');
    expect(links).toContain('02:42:00:00:00:99');
    expect(await addressOf('fixed', 'n1')).toBe('10.88.9.9');
    expect(await addressOf('dynamic', 'n1')).toBe('10.88.7.1');
    expect(await engine.container('dynamic')('ip', 'route')).toContain('default via 10.88.0.254');
    await ping(engine.container('dynamic'), '10.88.9.9');
  });

  it('refuses what cannot be, with a clear message, and leaves nothing', async () => {
    const create = (...flags: string[]) =>
      engine.dockerFails('network', 'create', '-d', 'tsnet', '--ipam-driver', 'tsnet', ...flags, 'bad');
    await createNetwork('n1', '--subnet', '10.88.0.0/24');
    expect(await create('--subnet', '10.88.0.0/16')).toContain('10.88.0.0/24');
    expect(await create('-o', 'mtu=12')).toContain(
      'option mtu: "12" is not allowed, expected a number of bytes from 68 to 65535',
    );
    expect(await create('-o', 'tsnet.colour=red')).toContain('option tsnet.colour');
    await run('web', 'n1', '--ip', '10.88.0.9');
    expect(await engine.dockerFails('run', '--network', 'n1', '--ip', '10.88.0.9', testImage)).toContain(
      'address 10.88.0.9 is already in use',
    );
  });

  it('that is internal has no way in or out', async () => {
    await createNetwork('n1', '--internal', '--subnet', '10.88.0.0/24');
    await run('web', 'n1', '-p', '8080:80');
    await run('client', 'n1');
    await isServing('web');
    await ping(engine.container('client'), 'web');
    await expect(ping(engine.container('client'), lan.ipv4)).rejects.toThrow();
    expect(await httpFailure(engine.lan.exec, `http://${host.ipv4}:8080/`)).toBe('refused');
  });

  it('has IPv6 beside IPv4 when it is asked for', async () => {
    await createNetwork('n1', '--ipv6', '--subnet', '10.88.0.0/24', '--subnet', 'fd00:88::/64');
    await run('web', 'n1', '-p', '8080:80');
    await run('client', 'n1');
    await isServing('web');
    await ping(engine.container('client'), 'fd00:88::2');
    await ping(engine.container('client'), lan.ipv6);
    const hostname = await engine.container('web')('hostname');
    expect(await httpGet(engine.lan.exec, `http://[${host.ipv6}]:8080/`)).toBe(hostname);
    expect(await httpWhoami(engine.lan.exec, `[${host.ipv6}]:8080`)).toBe(lan.ipv6);
  });
});

describe('a published port', () => {
  it('answers the LAN, the host, other containers and the container itself', async () => {
    await createNetwork('n1', '--subnet', '10.88.0.0/24');
    await createNetwork('n2', '--subnet', '10.89.0.0/24');
    await run('web', 'n1', '-p', '8080:80', '-p', '5353:5353/udp', '-p', '5354:5354/udp');
    await run('neighbour', 'n1');
    await run('stranger', 'n2');
    await isServing('web');
    const hostname = await engine.container('web')('hostname');
    expect(await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`)).toBe(lan.ipv4);
    for (const from of [
      engine.lan.exec,
      engine.netns.exec,
      ...['neighbour', 'stranger', 'web'].map(engine.container),
    ]) {
      expect(await httpGet(from, `http://${host.ipv4}:8080/`)).toBe(hostname);
      expect(await udpAsk(from, host.ipv4, 5353, 'hello')).toBe('hello');
    }
    expect(await httpGet(engine.netns.exec, 'http://127.0.0.1:8080/')).toBe(hostname);
    expect(await udpAsk(engine.netns.exec, '127.0.0.1', 5353, 'hello')).toBe('hello');
    expect(await udpAsk(engine.lan.exec, host.ipv4, 5354, 'who')).toBe(lan.ipv4);
  });

  it('is closed again when the container stops, and moves with it when it starts', async () => {
    await createNetwork('n1', '--subnet', '10.88.0.0/24');
    await run('web', 'n1', '-p', '8080:80');
    await isServing('web');
    await engine.docker('stop', '-t', '0', 'web');
    expect(await httpFailure(engine.lan.exec, `http://${host.ipv4}:8080/`)).toBe('refused');
    await engine.docker('start', 'web');
    await isServing('web');
    expect(await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`)).toBe(lan.ipv4);
    await engine.docker('restart', '-t', '0', 'web');
    await isServing('web');
    expect(await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`)).toBe(lan.ipv4);
  });

  it('on one host address answers only there', async () => {
    await createNetwork('n1', '--subnet', '10.88.0.0/24');
    await run('web', 'n1', '-p', '127.0.0.1:8080:80', '-p', `${host.ipv4}:8081:80`);
    await isServing('web');
    const hostname = await engine.container('web')('hostname');
    expect(await httpGet(engine.netns.exec, 'http://127.0.0.1:8080/')).toBe(hostname);
    expect(await httpFailure(engine.lan.exec, `http://${host.ipv4}:8080/`)).toBe('refused');
    expect(await httpGet(engine.lan.exec, `http://${host.ipv4}:8081/`)).toBe(hostname);
    expect(await httpFailure(engine.netns.exec, 'http://127.0.0.1:8081/')).toBe('refused');
  });

  it('may be left to tsnet, one or a range, and is found by tsnet port', async () => {
    await createNetwork('n1', '--subnet', '10.88.0.0/24');
    await run(
      'web',
      'n1',
      '-p',
      '127.0.0.1::5353/udp',
      '-p',
      '80',
      '-p',
      '8000-8002:9000-9002',
      '-P',
      '--expose',
      '81',
    );
    await isServing('web');
    const lines = (await engine.tsnet('port', 'web')).split('\n');
    const hostPort = (inside: string) =>
      Number(/:(\d+)$/.exec(lines.find((line) => line.startsWith(inside)) ?? '')?.[1]);
    expect(lines).toEqual(
      expect.arrayContaining([0, 1, 2].map((n) => `${9000 + n}/tcp -> 0.0.0.0:${8000 + n}`)),
    );
    for (const inside of ['5353/udp', '80/tcp', '81/tcp'])
      expect(hostPort(inside)).toBeGreaterThanOrEqual(49153);
    expect(await udpAsk(engine.netns.exec, '127.0.0.1', hostPort('5353/udp'), 'hello')).toBe('hello');
    expect(await httpWhoami(engine.lan.exec, `${host.ipv4}:${hostPort('80/tcp')}`)).toBe(lan.ipv4);
    const all = JSON.parse(await engine.tsnet('port', '--json')) as { container: string }[];
    expect(all).toHaveLength(6);
    expect(new Set(all.map(({ container }) => container))).toEqual(new Set(['web']));
  });

  it('that is taken is refused, by a container and by a program, and nothing is left of the attempt', async () => {
    await createNetwork('n1', '--subnet', '10.88.0.0/24');
    await run('web', 'n1', '-p', '8080:80');
    expect(await engine.dockerFails('run', '-d', '--network', 'n1', '-p', '8080:80', testImage)).toMatch(
      /8080.*held|in use/,
    );
    const script = 'require("net").createServer().listen(8090,"0.0.0.0")';
    const listening = engine.netns.exec('timeout', '20', 'node', '-e', script).catch(() => '');
    await until(
      'the program listens',
      async () => (await engine.netns.exec('ss', '-Hltn', 'sport = 8090')) !== '',
    );
    expect(await engine.dockerFails('run', '-d', '--network', 'n1', '-p', '8090:80', testImage)).toMatch(
      /publish port 0\.0\.0\.0:8090\/tcp: it is held by process node \(pid \d+\)/,
    );
    expect(
      await engine.tsnet('endpoint', 'ls', '--json').then((text) => (JSON.parse(text) as unknown[]).length),
    ).toBe(1);
    await engine.netns.exec('pkill', '-f', 'listen\\(8090');
    await listening;
  });
});

describe('a running container', () => {
  it('can join and leave networks', async () => {
    await createNetwork('n1', '--subnet', '10.88.0.0/24');
    await createNetwork('n2', '--subnet', '10.89.0.0/24');
    await run('web', 'n1', '-p', '8080:80');
    await run('client', 'n2');
    await isServing('web');
    await engine.docker('network', 'connect', '--ip', '10.89.0.77', '--alias', 'site', 'n2', 'web');
    await ping(engine.container('client'), 'site');
    expect(await httpWhoami(engine.container('client'), '10.89.0.77')).toBe('10.89.0.2');
    expect(await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`)).toBe(lan.ipv4);
    await engine.docker('network', 'disconnect', 'n1', 'web');
    await ping(engine.container('client'), 'site');
    expect(await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`)).toBe(lan.ipv4);
    await engine.docker('network', 'disconnect', 'n2', 'web');
    await expect(ping(engine.container('client'), '10.89.0.77')).rejects.toThrow();
    expect(await httpFailure(engine.lan.exec, `http://${host.ipv4}:8080/`)).toBe('refused');
  });

  it('does not reach another network, nor is reached from the LAN, but through published ports', async () => {
    await createNetwork('n1', '--subnet', '10.88.0.0/24');
    await createNetwork('n2', '--subnet', '10.89.0.0/24');
    await run('web', 'n1', '-p', '8080:80');
    await run('stranger', 'n2');
    await engine.docker('run', '-d', '--name', 'plain', testImage);
    await isServing('web');
    await engine.lan.exec('ip', 'route', 'add', '10.88.0.0/24', 'via', host.ipv4);
    for (const from of [engine.container('stranger'), engine.container('plain'), engine.lan.exec]) {
      expect(await httpFailure(from, 'http://10.88.0.2/')).toBe('timeout');
    }
    await engine.lan.exec('ip', 'route', 'del', '10.88.0.0/24', 'via', host.ipv4);
    const plain = await engine.docker('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'plain');
    expect(await httpFailure(engine.container('web'), `http://${plain}/`)).toBe('timeout');
  });
});
