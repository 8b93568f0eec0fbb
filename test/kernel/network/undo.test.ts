import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  parseAddress,
  parseEndpointId,
  parseIfName,
  parseIp,
  parseNetworkId,
  parsePort,
} from '../../../src/model/index.ts';
import {
  createEndpoint,
  createNetwork,
  deleteNetwork,
  join,
  publish,
  recover,
  type Context,
  type NetworkRequest,
} from '../../../src/network/index.ts';
import { createFailingKernel, type FailingKernel } from '../../support/failing-kernel.ts';
import { createHost, type Host } from '../../support/host.ts';
import { hostFacts as everyFact, withoutCarriers } from '../../support/host-facts.ts';
import type { Netns } from '../../support/netns.ts';
import { plainNetwork, subnet4, subnet6 } from '../../support/plain-network.ts';

const network = parseNetworkId('a'.repeat(64));
const endpoint = parseEndpointId('b'.repeat(64));

let host: Host;
let failing: FailingKernel;
let context: Context;

beforeAll(async () => {
  host = await createHost();
  failing = createFailingKernel(host.context.kernel);
  context = { ...host.context, kernel: failing.kernel };
  // One that others made, with one of the addresses that the network wants.
  await host.netns.exec(
    'sh',
    '-ec',
    'ip link add lan0 address 02:42:00:00:00:01 type bridge; ip address add 10.1.0.1/24 dev lan0',
  );
  await host.netns.exec('ip', 'link', 'set', 'lan0', 'addrgenmode', 'none');
  await host.netns.exec('ip', 'link', 'set', 'lan0', 'up');
});
beforeEach(async () => {
  failing.failAt(Number.POSITIVE_INFINITY);
  await deleteNetwork(context, network);
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

/** Without what a bridge keeps of a port that it had: whether it has a carrier, and what could be offloaded. */
const hostFacts = async (netns: Netns) =>
  withoutCarriers(await everyFact(netns)).map((line) => line.replaceAll(/tso_max_size \d+/g, ''));

/** Every record but where the next search for a free port begins, which decides nothing. */
const decisions = () => Object.entries(context.state.dump()).filter(([key]) => !key.startsWith('meta/'));

const create = (options: Partial<NetworkRequest> = {}) =>
  createNetwork(context, plainNetwork({ id: network, subnets: [subnet4, subnet6], ...options }));

/** Everything that can be said of one network, as far as it goes together. */
const everyOption: Partial<NetworkRequest> = {
  bridge: parseIfName('lan0'),
  mtu: 1400,
  allowsIcc: false,
  interfacePrefix: 'net',
  gatewayMode6: 'routed',
  hostSources: [parseIp('192.0.2.1')],
  hostBindings: [parseIp('0.0.0.0'), parseIp('2001:db8::1')],
  trustedInterfaces: [parseIfName('eth1'), parseIfName('wg0')],
  antispoofs: true,
  shaping: { ingress: { rate: 1e9 }, egress: { rate: 1e6, burst: 200_000 } },
};
const createWithEveryOption = () => create(everyOption);
const addEndpoint = () =>
  createEndpoint(context, {
    network,
    id: endpoint,
    addresses: [parseAddress('10.1.0.2/24'), parseAddress('fd00:1::2/64')],
  });
const joinEndpoint = () => join(context, network, endpoint, '/var/run/docker/netns/none');
const publishPorts = () =>
  publish(context, network, endpoint, [
    {
      protocol: 'tcp',
      hostPorts: { first: parsePort(8080), last: parsePort(8080) },
      containerPort: parsePort(80),
    },
    { protocol: 'udp', containerPort: parsePort(53) },
  ]);

/** Each operation with the ones that must have succeeded before it. */
const operations = [
  { name: 'create network', before: [], run: () => create(), leastSteps: 4 },
  { name: 'join', before: [create, addEndpoint], run: joinEndpoint, leastSteps: 1 },
  { name: 'publish', before: [create, addEndpoint, joinEndpoint], run: publishPorts, leastSteps: 1 },
  { name: 'create network with every option', before: [], run: createWithEveryOption, leastSteps: 2 },
  {
    name: 'join with every option',
    before: [createWithEveryOption, addEndpoint],
    run: joinEndpoint,
    leastSteps: 2,
  },
  {
    name: 'publish with every option',
    before: [createWithEveryOption, addEndpoint, joinEndpoint],
    run: publishPorts,
    leastSteps: 1,
  },
] as const;

describe.each(operations)('$name', ({ before, run, leastSteps }) => {
  it('leaves nothing when any of its steps fails, and succeeds afterwards', async () => {
    for (const step of before) await step();
    const facts = await hostFacts(host.netns);
    const records = decisions();
    let step = 0;
    for (; ; step += 1) {
      failing.failAt(step);
      const outcome = await run().then(
        () => 'succeeded',
        (error: Error) => error.message,
      );
      if (outcome === 'succeeded') break;
      expect(outcome).toBe(
        `step ${step} (${outcome.slice(outcome.indexOf('(') + 1, outcome.indexOf(')'))}) fails in this test`,
      );
      expect(await hostFacts(host.netns), `after ${outcome}`).toEqual(facts);
      expect(decisions(), `after ${outcome}`).toEqual(records);
    }
    expect(step).toBeGreaterThanOrEqual(leastSteps);
  });

  it('changes nothing when it is repeated', async () => {
    for (const step of [...before, run]) await step();
    const facts = await hostFacts(host.netns);
    failing.failAt(0);
    if (run !== publishPorts) await run();
    expect(await recover(context)).toEqual([]);
    expect(await hostFacts(host.netns)).toEqual(facts);
  });
});

describe.each([
  { name: 'a plain network', make: () => create(), bridge: `tsb-${'a'.repeat(10)}` },
  { name: 'a network with every option', make: createWithEveryOption, bridge: 'lan0' },
])('the whole life of $name', ({ make, bridge }) => {
  it('leaves the host as it was', async () => {
    const facts = await hostFacts(host.netns);
    for (const step of [make, addEndpoint, joinEndpoint, publishPorts]) await step();
    expect(await hostFacts(host.netns)).not.toEqual(facts);
    await deleteNetwork(context, network);
    expect(await hostFacts(host.netns)).toEqual(facts);
  });

  it('is repaired by recovery, whatever was taken away', async () => {
    for (const step of [make, addEndpoint, joinEndpoint, publishPorts]) await step();
    const facts = await hostFacts(host.netns);
    await host.netns.exec('nft', 'flush', 'ruleset');
    await host.netns.exec('ip', 'addr', 'flush', 'dev', bridge);
    await host.netns.exec('ip', 'link', 'set', bridge, 'down');
    await recover(context);
    expect(await hostFacts(host.netns)).toEqual(facts);
    // What others had made they would miss.
    await host.netns.exec('sh', '-c', 'ip address add 10.1.0.1/24 dev lan0; true');
  });
});

describe('recovery', () => {
  it('takes away what carries our mark and is not recorded', async () => {
    await create();
    const facts = await hostFacts(host.netns);
    await host.netns.exec('ip', 'link', 'add', 'stray0', 'type', 'veth', 'peer', 'stray1');
    await host.netns.exec('ip', 'link', 'set', 'stray0', 'alias', `tsnet:endpoint:${'c'.repeat(64)}`);
    await recover(context);
    expect(await hostFacts(host.netns)).toEqual(facts);
  });
});
