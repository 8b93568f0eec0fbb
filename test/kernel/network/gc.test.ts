import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  parseEndpointId,
  parseIp,
  parseNetworkId,
  parsePort,
  parseSubnet,
  type EngineUse,
  type PoolId,
} from '../../../src/model/index.ts';
import {
  collectGarbage,
  createEndpoint,
  createNetwork,
  findDeadEndpoints,
  formatGarbage,
  inBoth,
  join,
  lookForGarbage,
  noteEngine,
  publish,
  requestAddress,
  requestPool,
} from '../../../src/network/index.ts';
import { hostFacts } from '../../support/host-facts.ts';
import { createHost, type Host } from '../../support/host.ts';
import { plainNetwork } from '../../support/plain-network.ts';

const network = parseNetworkId('a'.repeat(64));
const endpoint = parseEndpointId('b'.repeat(64));
const engine = 'ENGINE /var/lib/docker';
const knowing: EngineUse = {
  engine,
  networks: new Set([network]),
  endpoints: new Set([endpoint]),
  addresses: new Set([parseIp('10.1.0.2')]),
  subnets: new Set([parseSubnet('10.1.0.0/24')]),
};
const ignorant: EngineUse = { ...knowing, endpoints: new Set(), addresses: new Set() };
const empty: EngineUse = { ...ignorant, networks: new Set(), subnets: new Set() };

let host: Host;
let untouched: string[];
let pool: PoolId;

beforeEach(async () => {
  host = await createHost();
  untouched = await hostFacts(host.netns);
  const { context } = host;
  pool = (await requestPool(context, { space: 'local', family: 4, subnet: parseSubnet('10.1.0.0/24') })).id;
  await requestAddress(context, pool, 'gateway');
  await createNetwork(context, plainNetwork({ id: network, pools: [pool] }));
  const address = await requestAddress(context, pool, 'endpoint');
  await createEndpoint(context, { network, id: endpoint, addresses: [address] });
  await join(context, network, endpoint, '/nonexistent/sandbox');
  const hostPorts = { first: parsePort(8080), last: parsePort(8080) };
  await publish(context, network, endpoint, [{ protocol: 'tcp', hostPorts, containerPort: parsePort(80) }]);
  // Older than a second.
  await new Promise((resolve) => setTimeout(resolve, 2_100));
});
afterEach(async () => {
  await host[Symbol.asyncDispose]();
});

const look = async (use: EngineUse) => lookForGarbage(host.context, () => Promise.resolve(use), 1);
const records = () => Object.keys(host.context.state.dump()).filter((key) => !key.startsWith('meta/'));

it('an endpoint goes with its link, port and address when its engine has it no longer', async () => {
  expect((await look(knowing)).garbage).toEqual([]);
  const { garbage } = await look(ignorant);
  expect(garbage.map((one) => one.kind)).toEqual(['endpoint']);
  expect(await collectGarbage(host.context, garbage, ignorant)).toEqual(garbage);
  expect((await host.netns.exec('ip', '-o', 'link')).stdout).not.toContain('tsv-');
  expect((await host.netns.exec('nft', 'list', 'table', 'inet', 'tsnet')).stdout).not.toContain('8080');
  expect(records().filter((key) => /^(?:endpoint|address|port)\//.test(key))).toEqual([]);
  expect(records().filter((key) => key.startsWith('lease/'))).toEqual([`lease/${pool}/10.1.0.1`]);
  expect((await look(ignorant)).garbage).toEqual([]);
  expect(host.complaints).toEqual([]);
});

it('a network goes with everything it has, and the host is as it was', async () => {
  await noteEngine(host.context, knowing);
  const { garbage } = await look(empty);
  expect(garbage.map((one) => one.kind)).toEqual(['network']);
  await collectGarbage(host.context, garbage, empty);
  expect(records()).toEqual([]);
  expect(await hostFacts(host.netns)).toEqual(untouched);
});

it('what has changed since it was judged is left alone', async () => {
  await noteEngine(host.context, knowing);
  const { garbage } = await look(ignorant);
  await join(host.context, network, endpoint, '/nonexistent/other');
  expect(await collectGarbage(host.context, garbage, ignorant)).toEqual([]);
  expect(inBoth(garbage, (await look(ignorant)).garbage)).toEqual([]);
  expect(host.context.state.read((view) => view.endpoint(network, endpoint))?.ports).toHaveLength(1);
});

it('without an engine an endpoint is dead when its sandbox and its link are gone, and not before', async () => {
  const find = async () =>
    findDeadEndpoints(host.context, { nowSeconds: Math.floor(Date.now() / 1000), leastAgeSeconds: 1 });
  expect(await find()).toEqual([]);
  await host.netns.exec('ip', 'link', 'delete', `tsv-${'b'.repeat(10)}`);
  const garbage = await find();
  expect(garbage.map(formatGarbage)).toEqual([
    'endpoint bbbbbbbbbbbb (10.1.0.2/24): its sandbox and its link are gone',
  ]);
  await collectGarbage(host.context, garbage);
  expect(records().filter((key) => /^(?:endpoint|address|port)\//.test(key))).toEqual([]);
  expect((await host.netns.exec('nft', 'list', 'table', 'inet', 'tsnet')).stdout).not.toContain('8080');
});
