import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runNetavark } from '../../../src/frontends/netavark/index.ts';
import { observeOwned } from '../../../src/observe/index.ts';
import { createHost, type Host } from '../../support/host.ts';
import { createNetns, type Netns } from '../../support/netns.ts';
import { runScriptInside } from '../../support/script-inside.ts';
import { measureTcpRate } from '../../support/tcp-rate.ts';

// The front end in this process on a real kernel, with requests in the words of Podman 5.4. What Podman itself does is in
// test/engine/podman5.test.ts.
let host: Host;
let boxes: Netns[];

beforeAll(async () => {
  host = await createHost();
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
});
beforeEach(async () => {
  boxes = [await createNetns('box'), await createNetns('box')];
});
afterEach(async () => {
  for (const box of boxes) await box[Symbol.asyncDispose]();
  const { networks, endpoints } = records();
  expect({ networks, endpoints, kernel: await observeOwned(host.context.kernel) }).toEqual({
    networks: [],
    endpoints: [],
    kernel: [],
  });
});

const id = (digit: string) => digit.repeat(64);
const one = {
  name: 'one',
  id: id('1'),
  driver: 'tsnet',
  network_interface: null,
  subnets: [
    { subnet: '10.91.0.0/24', gateway: '10.91.0.1', lease_range: null },
    { subnet: 'fd00:91::/64', gateway: 'fd00:91::1', lease_range: null },
  ],
  ipv6_enabled: true,
  internal: false,
  dns_enabled: false,
  options: null as Record<string, string> | null,
  ipam_options: null,
  routes: null,
  network_dns_servers: null,
};
const two = { ...one, name: 'two', id: id('2'), subnets: [{ subnet: '10.92.0.0/24', gateway: '10.92.0.1' }] };

interface Wish {
  readonly container?: string;
  readonly ips?: readonly string[];
  readonly mac?: string;
  readonly name?: string;
  readonly ports?: readonly object[];
  readonly network?: object;
  readonly options?: object;
}

function bodyOf(wish: Wish) {
  const { container = id('a'), ips = ['10.91.0.2', 'fd00:91::2'], mac, name, ports, network, options } = wish;
  return {
    container_id: container,
    container_name: 'web',
    port_mappings: ports ?? null,
    network: network ?? one,
    network_options: {
      aliases: ['w'],
      interface_name: name ?? 'eth0',
      static_ips: ips,
      static_mac: mac ?? null,
      options: options ?? null,
    },
  };
}

async function call(args: readonly string[], body: object) {
  const stdin = JSON.stringify(body);
  const answer = await runNetavark(() => Promise.resolve(host.context), { args, env: {}, stdin });
  return { ...answer, json: answer.stdout === '' ? undefined : (JSON.parse(answer.stdout) as unknown) };
}

const setUp = (box: number, wish: Wish = {}) => call(['setup', boxes[box]?.path ?? ''], bodyOf(wish));
const tearDown = (box: number, wish: Wish = {}) => call(['teardown', boxes[box]?.path ?? ''], bodyOf(wish));
const done = { exitCode: 0, stdout: '', json: undefined };

function records() {
  return host.context.state.read((view) => ({ networks: view.networks(), endpoints: view.endpoints() }));
}

const port = (host_port: number, container_port: number, more: object = {}) => ({
  container_port,
  host_ip: '',
  host_port,
  protocol: 'tcp',
  range: 1,
  ...more,
});

describe('an address that is not for containers', () => {
  it.each(['10.91.0.1', '10.91.0.0', '10.91.0.255', 'fd00:91::1', 'fd00:91::'])(
    'is refused: %s',
    async (ip) => {
      const { exitCode, json } = await setUp(0, { ips: [ip] });
      expect({ exitCode, json }).toEqual({
        exitCode: 1,
        json: { error: expect.stringMatching(/static_ips\[0\].*other than its (gateway|network)/) },
      });
    },
  );
});

/** Answers every TCP connection with its own name. */
const listener = (ports: readonly number[], word: string) => `
  const ports = ${JSON.stringify(ports)};
  let open = 0;
  for (const port of ports)
    require('node:net').createServer((socket) => socket.end('${word} ' + port))
      .listen(port, '::', () => ++open === ports.length && console.log('ready'));`;

async function ask(netns: Netns, target: string): Promise<string> {
  const { stdout } = await netns.exec('socat', '-u', '-T1', `TCP:${target},connect-timeout=1`, '-');
  return stdout;
}

describe('a container', () => {
  it('gets what Podman chose, reaches the other one, and leaves nothing', async () => {
    const answer = await setUp(0, { mac: '02:00:00:00:00:50', name: 'net7' });
    expect(answer.json).toEqual({
      dns_search_domains: [],
      dns_server_ips: [],
      interfaces: {
        net7: {
          mac_address: '02:00:00:00:00:50',
          subnets: [
            { ipnet: '10.91.0.2/24', gateway: '10.91.0.1' },
            { ipnet: 'fd00:91::2/64', gateway: 'fd00:91::1' },
          ],
        },
      },
    });
    expect(answer.exitCode).toBe(0);
    const other = { container: id('b'), ips: ['10.91.0.3', 'fd00:91::3'] };
    expect((await setUp(1, other)).exitCode).toBe(0);
    await boxes[0]?.exec('ping', '-c1', '-W1', '10.91.0.3');
    await boxes[0]?.exec('ping', '-c1', '-W1', 'fd00:91::3');
    const link = await boxes[0]?.exec('ip', '-o', 'link', 'show', 'net7');
    expect(link?.stdout).toContain('02:00:00:00:00:50');
    const route = await boxes[0]?.exec('ip', 'route', 'show', 'default');
    expect(route?.stdout.trim()).toBe('default via 10.91.0.1 dev net7 proto static metric 107');
    expect(await tearDown(0, { name: 'net7' })).toEqual(done);
    expect(records().networks).toHaveLength(1);
    expect(await tearDown(1, other)).toEqual(done);
  });

  it('is torn down without its namespace, twice, and when it was never there', async () => {
    await setUp(0);
    await boxes[0]?.[Symbol.asyncDispose]();
    boxes = boxes.slice(1);
    const gone = bodyOf({});
    expect(await call(['teardown', '/run/netns/gone'], gone)).toEqual(done);
    expect(await call(['teardown', '/run/netns/gone'], gone)).toEqual(done);
    expect(await tearDown(0, { container: id('f') })).toEqual(done);
  });

  it('gives way when it is set up anew, and so does a dead owner of its address', async () => {
    await setUp(0);
    expect((await setUp(0)).exitCode).toBe(0);
    expect((await setUp(1, { container: id('b') })).exitCode).toBe(0);
    expect(records().endpoints.map(({ container }) => container?.id)).toEqual([id('b')]);
    await tearDown(1, { container: id('b') });
  });

  it('keeps the routes and the MTU of its network, and no default route where none is wanted', async () => {
    const network = {
      ...one,
      options: { mtu: '1400', no_default_route: 'true', isolate: 'strict' },
      routes: [{ destination: '10.9.0.0/16', gateway: '10.91.0.254', metric: 5 }],
    };
    expect((await setUp(0, { network })).exitCode).toBe(0);
    const routes = await boxes[0]?.exec('ip', 'route');
    expect(routes?.stdout).toContain('10.9.0.0/16 via 10.91.0.254 dev eth0 proto static metric 5');
    expect(routes?.stdout).not.toContain('default');
    expect((await boxes[0]?.exec('ip', 'link', 'show', 'eth0'))?.stdout).toContain('mtu 1400');
    await tearDown(0, { network });
  });
});

describe('the speed of a container', () => {
  const limits = async () => {
    const { stdout } = await host.netns.exec('tc', 'qdisc', 'show');
    const found = stdout.matchAll(/^qdisc tbf .* dev (ts[iv])-\w+ .*rate (\w+)/gm);
    return [...found].map(([, link, rate]) => `${link} ${rate}`).sort();
  };
  const limited = { ...two, options: { 'tsnet.rate': '50mbit' } };

  it('is limited as its network says', async () => {
    const wish = { network: limited, ips: ['10.92.0.2'] };
    expect((await setUp(0, wish)).exitCode).toBe(0);
    expect(await limits()).toEqual(['tsi 50Mbit', 'tsv 50Mbit']);
    const rate = await measureTcpRate(boxes[0] as Netns, host.netns, '10.92.0.1', 1_000);
    expect(rate).toBeGreaterThan(40e6);
    expect(rate).toBeLessThan(56e6);
    await tearDown(0, wish);
    expect(await limits()).toEqual([]);
  });

  it.each([
    [{ rate: '20mbit' }, ['tsi 20Mbit', 'tsv 20Mbit']],
    [{ 'tsnet.egress_rate': '5mbit' }, ['tsi 5Mbit', 'tsv 50Mbit']],
  ])('is limited as it wishes itself: %j', async (options, expected) => {
    const wish = { network: limited, ips: ['10.92.0.2'], options };
    expect((await setUp(0, wish)).exitCode).toBe(0);
    expect(await limits()).toEqual(expected);
    await tearDown(0, wish);
  });

  it.each([
    [{ rate: 'fast' }, 'network_options.options.rate: "fast" is not allowed'],
    [{ colour: 'red' }, 'network_options.options: "colour" is not known'],
  ])('is not limited by what nobody understands: %j', async (options, message) => {
    const { exitCode, json } = await setUp(0, { options });
    expect({ exitCode, json }).toEqual({ exitCode: 1, json: { error: expect.stringContaining(message) } });
  });
});

describe('published ports', () => {
  it('answer on the host: ranges, several protocols, one address', async () => {
    const ports = [
      port(9000, 80, { range: 3 }),
      port(9100, 80, { protocol: 'tcp,udp', host_ip: '127.0.0.1' }),
    ];
    expect(await setUp(0, { ports })).toMatchObject({ exitCode: 0 });
    await using _server = await runScriptInside(boxes[0] as Netns, listener([80, 81, 82], 'web'));
    expect(await ask(host.netns, '127.0.0.1:9000')).toBe('web 80');
    expect(await ask(host.netns, '10.91.0.1:9002')).toBe('web 82');
    expect(await ask(host.netns, '[fd00:91::1]:9001')).toBe('web 81');
    expect(await ask(host.netns, '127.0.0.1:9100')).toBe('web 80');
    await expect(ask(host.netns, '10.91.0.1:9100')).rejects.toThrow();
    await tearDown(0, { ports });
    await expect(ask(host.netns, '127.0.0.1:9000')).rejects.toThrow();
  });

  it('are published though somebody listens on them, because that is Podman', async () => {
    await using _podman = await runScriptInside(host.netns, listener([9000], 'podman'));
    const wish = { ports: [port(9000, 80)] };
    expect(await setUp(0, wish)).toMatchObject({ exitCode: 0 });
    await using _server = await runScriptInside(boxes[0] as Netns, listener([80], 'web'));
    expect(await ask(host.netns, '127.0.0.1:9000')).toBe('web 80');
    await tearDown(0, wish);
    expect(await ask(host.netns, '127.0.0.1:9000')).toBe('podman 9000');
  });

  it('lead to the first of two networks of a container, and to the other one once that is gone', async () => {
    const ports = [port(9000, 80)];
    const second = { network: two, ips: ['10.92.0.2'], name: 'eth1', ports };
    expect(await setUp(0, { ports })).toMatchObject({ exitCode: 0 });
    expect(await setUp(0, second)).toMatchObject({ exitCode: 0 });
    await using _server = await runScriptInside(boxes[0] as Netns, listener([80], 'web'));
    expect(await ask(host.netns, '127.0.0.1:9000')).toBe('web 80');
    await tearDown(0, { ports });
    await tearDown(0, second);
    expect(await setUp(0, second)).toMatchObject({ exitCode: 0 });
    expect(await ask(host.netns, '127.0.0.1:9000')).toBe('web 80');
    await tearDown(0, second);
  });

  it('on an address of a family that the container lacks are left out with a warning', async () => {
    const wish = { network: two, ips: ['10.92.0.2'], ports: [port(90, 90, { host_ip: '::1' })] };
    const { exitCode, stderr } = await setUp(0, wish);
    expect(exitCode).toBe(0);
    expect(stderr).toBe(
      'tsnet: port 90 is not published on ::1 through network two: the container has no such address in it\n',
    );
    await tearDown(0, wish);
  });

  it('that another container has are refused, and nothing is left of the attempt', async () => {
    await setUp(0, { ports: [port(9000, 80)] });
    const other = { container: id('b'), network: two, ips: ['10.92.0.2'], ports: [port(9000, 80)] };
    const { exitCode, json } = await setUp(1, other);
    expect(exitCode).toBe(1);
    expect(json).toEqual({ error: expect.stringMatching(/9000\/tcp: it is held by/) });
    expect(records().networks.map(({ name }) => name)).toEqual(['one']);
    await tearDown(0);
  });
});

describe('networks', () => {
  it('choose ranges that nobody has, and answer with every field that they were asked with', async () => {
    await setUp(0);
    const asked = {
      name: 'new',
      id: id('3'),
      driver: 'tsnet',
      labels: { a: 'b' },
      ipv6_enabled: true,
      dns_enabled: true,
    };
    const { json } = await call(['create'], asked);
    const created = json as { subnets: { subnet: string; gateway: string }[] };
    expect(created).toMatchObject({ ...asked, dns_enabled: false });
    expect(created.subnets.map(({ gateway }) => gateway)).toEqual([
      expect.stringMatching(/^172\.\d+\.0\.1$/),
      expect.stringMatching(/::1$/),
    ]);
    expect(records().networks).toHaveLength(1);
    await tearDown(0);
  });

  it('are refused where their addresses or their bridge belong to another one', async () => {
    await setUp(0, { network: { ...one, network_interface: 'br7' } });
    const asked = { ...two, id: id('3'), subnets: [{ subnet: '10.91.0.0/16' }] };
    expect((await call(['create'], asked)).json).toEqual({
      error: expect.stringContaining('overlap network one'),
    });
    const sameBridge = { ...two, id: id('3'), network_interface: 'br7' };
    expect((await call(['create'], sameBridge)).json).toEqual({
      error: 'create network two: bridge br7 belongs to network one',
    });
    await tearDown(0);
  });

  it('without addresses only switch frames', async () => {
    const network = { ...two, subnets: null, ipam_options: { driver: 'none' } };
    const [first, second] = [
      { network, ips: [] },
      { network, ips: [], container: id('b') },
    ];
    expect((await setUp(0, first)).exitCode).toBe(0);
    expect((await setUp(1, second)).exitCode).toBe(0);
    await boxes[0]?.exec('ip', 'address', 'add', '10.5.0.1/24', 'dev', 'eth0');
    await boxes[1]?.exec('ip', 'address', 'add', '10.5.0.2/24', 'dev', 'eth0');
    await boxes[0]?.exec('ping', '-c1', '-W1', '10.5.0.2');
    await tearDown(0, first);
    await tearDown(1, second);
  });

  it("that are internal have no way out, and Podman may give a container the network's first address", async () => {
    const network = { ...two, internal: true, subnets: [{ subnet: '10.92.0.0/24', gateway: null }] };
    const wish = { network, ips: ['10.92.0.1'], ports: [port(9000, 80)] };
    const { exitCode, json } = await setUp(0, wish);
    expect(exitCode).toBe(0);
    expect(json).toMatchObject({
      interfaces: { eth0: { subnets: [{ ipnet: '10.92.0.1/24', gateway: null }] } },
    });
    expect((await boxes[0]?.exec('ip', 'route', 'show', 'default'))?.stdout).toBe('');
    await tearDown(0, wish);
  });
});

it('refuses the namespace of the host, and leaves nothing', async () => {
  const { exitCode, json } = await call(['setup', host.netns.path], bodyOf({}));
  expect({ exitCode, json }).toEqual({
    exitCode: 1,
    json: { error: expect.stringContaining("other than the host's own") },
  });
});
