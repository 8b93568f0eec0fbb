import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  everywhere,
  ipOf,
  parseAddress,
  parseEndpointId,
  parseIfName,
  parseIp,
  parseMac,
  parseNetworkId,
  parsePort,
  parseSubnet,
  type PortRequest,
} from '../../../src/model/index.ts';
import {
  attach,
  checkEndpoint,
  createNetwork,
  deleteNetwork,
  detach,
  leaseOwner,
  recover,
  releasePool,
  requestAddress,
  requestPool,
  type AttachRequest,
  type Context,
} from '../../../src/network/index.ts';
import { createFailingKernel, type FailingKernel } from '../../support/failing-kernel.ts';
import { createHost, type Host } from '../../support/host.ts';
import { hostFacts as everyFact, withoutCarriers } from '../../support/host-facts.ts';
import { createNetns, type Netns } from '../../support/netns.ts';
import { plainNetwork, subnet4, subnet6 } from '../../support/plain-network.ts';

const network = parseNetworkId('a'.repeat(64));
const idOf = (digit: string) => parseEndpointId(digit.repeat(64));

let host: Host;
let failing: FailingKernel;
let context: Context;
let boxes: Netns[];

beforeAll(async () => {
  host = await createHost();
  failing = createFailingKernel(host.context.kernel);
  context = { ...host.context, kernel: failing.kernel };
  const pools = [parseSubnet('10.1.0.0/24'), parseSubnet('fd00:1::/64')].map((subnet) =>
    requestPool(context, { space: 'local', family: subnet.includes(':') ? 6 : 4, subnet }),
  );
  const [four, six] = await Promise.all(pools);
  if (four === undefined || six === undefined) throw new Error('no pools');
  await requestAddress(context, four.id, 'gateway');
  await requestAddress(context, six.id, 'gateway');
  await createNetwork(
    context,
    plainNetwork({ id: network, origin: 'cli', subnets: [subnet4, subnet6], pools: [four.id, six.id] }),
  );
});
beforeEach(async () => {
  failing.failAt(Number.POSITIVE_INFINITY);
  boxes = [await createNetns('box'), await createNetns('box')];
});
afterEach(async () => {
  failing.failAt(Number.POSITIVE_INFINITY);
  for (const digit of ['b', 'c']) await detach(context, network, idOf(digit));
  for (const box of boxes) await box[Symbol.asyncDispose]();
});
afterAll(async () => {
  await deleteNetwork(context, network);
  for (const { id } of context.state.read((view) => view.pools())) await releasePool(context, id);
  await host[Symbol.asyncDispose]();
});

const webPort: PortRequest = {
  protocol: 'tcp',
  hostPorts: { first: parsePort(8080), last: parsePort(8080) },
  containerPort: parsePort(80),
};

const request = (digit: string, index: number, options: Partial<AttachRequest> = {}): AttachRequest => ({
  network,
  id: idOf(digit),
  container: { id: `container-${digit}` },
  sandbox: boxes[index]?.path ?? '',
  interfaceName: parseIfName('eth0'),
  routes: [
    { destination: everywhere(4), gateway: parseIp('10.1.0.1') },
    { destination: everywhere(6), gateway: parseIp('fd00:1::1') },
  ],
  ports: [],
  ...options,
});

const hostFacts = async (netns: Netns) => withoutCarriers(await everyFact(netns));

/** Every record but where the next searches begin, which decides nothing. */
const decisions = () => Object.entries(context.state.dump()).filter(([key]) => !/^(?:meta|pool)\//.test(key));

describe('attach', () => {
  it('gives a sandbox an interface that works at once, in both families', async () => {
    const { endpoint } = await attach(context, request('b', 0));
    await attach(context, request('c', 1));
    expect(endpoint.addresses).toEqual(['10.1.0.2/24', 'fd00:1::2/64']);
    const shown = (await boxes[0]?.exec('ip', '-o', 'address', 'show', 'eth0'))?.stdout;
    expect(shown).toContain('inet 10.1.0.2/24');
    expect(shown).toContain('inet6 fd00:1::2/64');
    const routes = await boxes[0]?.exec('sh', '-c', 'ip route; ip -6 route');
    expect(routes?.stdout).toContain('default via 10.1.0.1 dev eth0');
    expect(routes?.stdout).toContain('default via fd00:1::1 dev eth0');
    for (const target of ['10.1.0.3', 'fd00:1::3', '10.1.0.1', 'fd00:1::1']) {
      await boxes[0]?.exec('ping', '-n', '-c', '1', '-W', '2', target);
    }
    expect(await checkEndpoint(context, network, idOf('b'))).toEqual([]);
  });

  it('takes what is wished for', async () => {
    const { endpoint } = await attach(
      context,
      request('b', 0, {
        wanted: [parseIp('10.1.0.77')],
        mac: parseMac('02:00:00:00:00:77'),
        interfaceName: parseIfName('net7'),
        routes: [
          { destination: parseSubnet('192.0.2.0/24'), gateway: parseIp('10.1.0.1'), metric: 7, mtu: 1400 },
          { destination: parseSubnet('198.51.100.0/24'), gateway: parseIp('203.0.113.1'), table: 100 },
        ],
      }),
    );
    expect(endpoint.addresses[0]).toBe('10.1.0.77/24');
    const link = await boxes[0]?.exec('ip', '-o', 'link', 'show', 'net7');
    expect(link?.stdout).toContain('02:00:00:00:00:77');
    const routes = await boxes[0]?.exec('ip', 'route', 'show', 'table', 'all');
    expect(routes?.stdout).toContain('192.0.2.0/24 via 10.1.0.1 dev net7 proto static metric 7 mtu 1400');
    expect(routes?.stdout).toContain(
      '198.51.100.0/24 via 203.0.113.1 dev net7 table 100 proto static onlink',
    );
    expect(routes?.stdout).not.toContain('default');
    expect(await checkEndpoint(context, network, idOf('b'))).toEqual([]);
  });

  it('publishes ports in the same go', async () => {
    await attach(context, request('b', 0, { ports: [webPort] }));
    const server = boxes[0]?.exec('timeout', '5', 'socat', 'TCP-LISTEN:80,reuseaddr', 'SYSTEM:echo here');
    await new Promise((resolve) => setTimeout(resolve, 200));
    const answer = await host.netns.exec('timeout', '3', 'socat', '-u', 'TCP:127.0.0.1:8080', '-');
    expect(answer.stdout).toBe('here\n');
    await server;
  });

  it('leaves nothing when any of its steps fails, and succeeds afterwards', async () => {
    const facts = await hostFacts(host.netns);
    const inside = await hostFacts(boxes[0] as Netns);
    const records = decisions();
    let step = 0;
    for (; ; step += 1) {
      failing.failAt(step);
      const outcome = await attach(context, request('b', 0, { ports: [webPort] })).then(
        () => 'succeeded',
        (error: Error) => error.message,
      );
      if (outcome === 'succeeded') break;
      expect(outcome).toContain('fails in this test');
      await context.linkRemoval.idle();
      expect(await hostFacts(host.netns), `after ${outcome}`).toEqual(facts);
      expect(await hostFacts(boxes[0] as Netns), `after ${outcome}`).toEqual(inside);
      expect(decisions(), `after ${outcome}`).toEqual(records);
    }
    expect(step).toBeGreaterThanOrEqual(2);
  });

  it('leaves nothing when the inside refuses: a gateway that no address reaches in IPv6', async () => {
    const facts = await hostFacts(host.netns);
    const records = decisions();
    const wrong = { destination: parseSubnet('ff00::/8'), gateway: parseIp('ff02::1') };
    await expect(attach(context, request('b', 0, { routes: [wrong] }))).rejects.toThrow();
    expect(await hostFacts(host.netns)).toEqual(facts);
    expect(decisions()).toEqual(records);
  });

  it.each([
    ['the host itself', () => ({ sandbox: host.netns.path }), 'invalid-input'],
    ['a path that leads nowhere', () => ({ sandbox: '/run/netns/tsnet-test-none' }), 'not-found'],
    ['a taken address', () => ({ wanted: [parseIp('10.1.0.1')] }), 'conflict'],
    ['an address outside', () => ({ wanted: [parseIp('10.2.0.1')] }), 'invalid-input'],
    ['a foreign address', () => ({ addresses: [parseAddress('10.2.0.1/24')] }), 'invalid-input'],
    ['an interface that exists', () => ({ interfaceName: parseIfName('lo') }), 'conflict'],
  ])('refuses %s, and nothing is left', async (_, options, kind) => {
    const facts = await hostFacts(host.netns);
    const records = decisions();
    await expect(attach(context, request('b', 0, options()))).rejects.toMatchObject({ kind });
    expect(await hostFacts(host.netns)).toEqual(facts);
    expect(decisions()).toEqual(records);
  });

  it('takes over what a container has that died without a word', async () => {
    const box = await createNetns('dies');
    const wishes = { ports: [webPort], wanted: [parseIp('10.1.0.50')] };
    await attach(context, request('b', 0, { ...wishes, sandbox: box.path }));
    await expect(attach(context, request('c', 1, wishes))).rejects.toMatchObject({ kind: 'conflict' });
    await box[Symbol.asyncDispose]();
    // The kernel ends a namespace a little later.
    await expect
      .poll(() => attach(context, request('c', 1, wishes)).then(({ endpoint }) => endpoint.addresses[0]))
      .toBe('10.1.0.50/24');
    expect(context.state.read((view) => view.endpoint(network, idOf('b')))).toBeUndefined();
  });

  const range = {
    subnet: parseSubnet('10.1.0.0/24'),
    gateway: parseIp('10.1.0.1'),
    first: parseIp('10.1.0.1'),
    last: parseIp('10.1.0.254'),
  };
  const ownRanges = { ranges: { space: 'cni-ranges' as const, sets: [[range]], wanted: [] }, routes: [] };

  it.each([
    ['pools of the network', {}],
    ['ranges of a front end', ownRanges],
  ])('takes from %s once where the kernel had to be recovered', async (_, options) => {
    await host.netns.exec('nft', 'flush', 'ruleset');
    const { endpoint } = await attach(context, request('b', 0, { ...options, ports: [webPort] }));
    const leased = context.state.read((view) => view.leasesOf(leaseOwner(endpoint.id)));
    expect(leased.map(({ ip }) => ip)).toEqual(endpoint.addresses.map(ipOf));
    expect(await checkEndpoint(context, network, idOf('b'))).toEqual([]);
  });

  it('refuses an attachment that exists', async () => {
    await attach(context, request('b', 0));
    await expect(attach(context, request('b', 0))).rejects.toMatchObject({ kind: 'conflict' });
    expect(await checkEndpoint(context, network, idOf('b'))).toEqual([]);
  });
});

describe('detach', () => {
  it('is complete when it resolves: the same can be attached at once', async () => {
    const facts = await hostFacts(host.netns);
    for (let round = 0; round < 5; round += 1) {
      await attach(context, request('b', 0, { ports: [webPort], wanted: [parseIp('10.1.0.9')] }));
      await detach(context, network, idOf('b'));
      await expect(boxes[0]?.exec('ip', 'link', 'show', 'eth0')).rejects.toThrow();
    }
    expect(await hostFacts(host.netns)).toEqual(facts);
  });

  it('succeeds when the namespace is gone, and twice', async () => {
    const facts = await hostFacts(host.netns);
    const records = decisions();
    const box = await createNetns('gone');
    await attach(context, request('b', 0, { sandbox: box.path, ports: [webPort] }));
    await box[Symbol.asyncDispose]();
    await detach(context, network, idOf('b'));
    await detach(context, network, idOf('b'));
    expect(await hostFacts(host.netns)).toEqual(facts);
    expect(decisions()).toEqual(records);
  });
});

describe('checkEndpoint', () => {
  it('tells what was taken away inside, and recovery leaves that alone', async () => {
    await attach(context, request('b', 0));
    await boxes[0]?.exec('ip', 'route', 'del', 'default');
    expect((await checkEndpoint(context, network, idOf('b'))).join()).toMatch(/^~ interface eth0 in /);
    expect(await recover(context)).toEqual([]);
    await boxes[0]?.exec('ip', 'link', 'del', 'eth0');
    expect((await checkEndpoint(context, network, idOf('b'))).length).toBe(2);
  });
});
