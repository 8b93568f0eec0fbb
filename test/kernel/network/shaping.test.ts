import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  parseAddress,
  parseEndpointId,
  parseIfName,
  parseNetworkId,
  type RateLimit,
  type Shaping,
} from '../../../src/model/index.ts';
import {
  attach,
  checkEndpoint,
  createNetwork,
  deleteNetwork,
  detach,
  recover,
  watchKernel,
  type Context,
  type NetworkRequest,
} from '../../../src/network/index.ts';
import { createFailingKernel, type FailingKernel } from '../../support/failing-kernel.ts';
import { createHost, type Host } from '../../support/host.ts';
import { hostFacts as everyFact } from '../../support/host-facts.ts';
import { createNetns, type Netns } from '../../support/netns.ts';
import { measureTcpRate } from '../../support/tcp-rate.ts';
import { plainNetwork } from '../../support/plain-network.ts';

const network = parseNetworkId('a'.repeat(64));
const id = parseEndpointId('b'.repeat(64));
const [link, ifb] = [`tsv-${'b'.repeat(10)}`, `tsi-${'b'.repeat(10)}`];

let host: Host;
let failing: FailingKernel;
let context: Context;
let box: Netns;

beforeAll(async () => {
  host = await createHost();
  failing = createFailingKernel(host.context.kernel);
  context = { ...host.context, kernel: failing.kernel };
});
beforeEach(async () => {
  failing.failAt(Number.POSITIVE_INFINITY);
  box = await createNetns('box');
});
afterEach(async () => {
  failing.failAt(Number.POSITIVE_INFINITY);
  await deleteNetwork(context, network);
  await box[Symbol.asyncDispose]();
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

const create = (shaping?: Shaping, more: Partial<NetworkRequest> = {}) =>
  createNetwork(
    context,
    plainNetwork({ id: network, ...(shaping === undefined ? {} : { shaping }), ...more }),
  );
const join = (shaping?: Shaping) =>
  attach(context, {
    network,
    id,
    container: { id: 'container' },
    sandbox: box.path,
    interfaceName: parseIfName('eth0'),
    addresses: [parseAddress('10.1.0.2/24')],
    routes: [],
    ports: [],
    ...(shaping === undefined ? {} : { shaping }),
  });

/** What is there, without the state of a bridge that follows its ports. */
const hostFacts = async () =>
  (await everyFact(host.netns)).filter((line) => !/^tsb-|dev tsb-|^(?:tsb|tsi|tsv)-.*inet6/.test(line));

const megabits = (rate: number): RateLimit => ({ rate: rate * 1e6 });
const both: Shaping = { ingress: megabits(50), egress: megabits(20) };

const towardsContainer = (ms?: number) => measureTcpRate(host.netns, box, '10.1.0.2', ms);
const fromContainer = (ms?: number) => measureTcpRate(box, host.netns, '10.1.0.1', ms);

/** What tc(8) says of limits, without what is different every time. */
async function limits(): Promise<string[]> {
  const { stdout } = await host.netns.exec('tc', 'qdisc', 'show');
  return stdout
    .split('\n')
    .filter((line) => line.includes(' tbf ') || line.includes(' clsact '))
    .map((line) =>
      line.replace(/^qdisc (\w+) \w+: dev (\S+) (?:root refcnt \d+ |parent \S+ )?/, '$2 $1 ').trim(),
    )
    .sort();
}

const limitsOfBoth = [
  `${ifb} tbf rate 20Mbit burst 25000b lat 25ms`,
  `${link} clsact`,
  `${link} tbf rate 50Mbit burst 62500b lat 25ms`,
];

function expectAbout(measured: number, megabitsPerSecond: number): void {
  expect(measured).toBeGreaterThan(0.85e6 * megabitsPerSecond);
  expect(measured).toBeLessThan(1.15e6 * megabitsPerSecond);
}

describe('the speed of a container', () => {
  it('is limited in each direction as its network says', async () => {
    await create(both);
    await join();
    expect(await limits()).toEqual(limitsOfBoth);
    expectAbout(await towardsContainer(), 50);
    expectAbout(await fromContainer(), 20);
    expect(await checkEndpoint(context, network, id)).toEqual([]);
    expect(await recover(context)).toEqual([]);
  });

  it('is not limited where nothing is said, and then nothing is made', async () => {
    await create();
    await join();
    expect(await limits()).toEqual([]);
    expect(await towardsContainer(300)).toBeGreaterThan(100e6);
    expect(await fromContainer(300)).toBeGreaterThan(100e6);
  });

  it('is limited as it wishes in one direction, and as its network says in the other', async () => {
    await create({ ingress: megabits(500) });
    await join({ egress: { rate: 20e6, burst: 200_000 } });
    expect(await limits()).toEqual([
      limitsOfBoth[0],
      limitsOfBoth[1],
      `${link} tbf rate 500Mbit burst 625000b lat 25ms`,
    ]);
    expectAbout(await fromContainer(), 20);
  });

  it('is limited where it may send from its own addresses only, and that holds', async () => {
    await create(both, { antispoofs: true });
    await join();
    expectAbout(await fromContainer(), 20);
    await box.exec('ip', 'address', 'add', '10.1.0.9/24', 'dev', 'eth0');
    const ping = (source: string) => box.exec('ping', '-c1', '-W1', '-I', source, '10.1.0.1');
    await ping('10.1.0.2');
    await expect(ping('10.1.0.9')).rejects.toThrow();
  });

  it('is limited at ten gigabits, too', async () => {
    await create({ ingress: megabits(10_000), egress: megabits(10_000) });
    await join();
    expect(await checkEndpoint(context, network, id)).toEqual([]);
    expect(await fromContainer(300)).toBeGreaterThan(100e6);
  });
});

describe('operations', () => {
  it('leave nothing when any step fails, and nothing at the end', async () => {
    const before = await hostFacts();
    await create(both);
    const created = await hostFacts();
    let steps = 0;
    for (; ; steps += 1) {
      failing.failAt(steps);
      const isJoined = await join().then(
        () => true,
        () => false,
      );
      if (isJoined) break;
      expect(await hostFacts(), `step ${steps}`).toEqual(created);
    }
    expect(steps).toBeGreaterThanOrEqual(5);
    failing.failAt(Number.POSITIVE_INFINITY);
    await detach(context, network, id);
    expect(await hostFacts()).toEqual(created);
    await deleteNetwork(context, network);
    expect(await hostFacts()).toEqual(before);
  });
});

describe('the watch', () => {
  const losses: readonly (readonly [string, readonly [string, ...string[]]])[] = [
    ['a limit', ['tc', 'qdisc', 'del', 'dev', link, 'root']],
    ['the hooks', ['tc', 'qdisc', 'del', 'dev', link, 'clsact']],
    ['the ifb', ['ip', 'link', 'del', ifb]],
  ];

  it.each(losses)('puts %s back within two seconds', async (_, damage) => {
    await create(both);
    await join();
    await using _watch = watchKernel(host.context);
    // Let it find that all is well first.
    await sleep(500);
    await host.netns.exec(...damage);
    expect(await limits()).not.toEqual(limitsOfBoth);
    await vi.waitFor(async () => expect(await limits()).toEqual(limitsOfBoth), 2_000);
  });
});

describe('recovery', () => {
  const damages: readonly (readonly [string, readonly [string, ...string[]]])[] = [
    ['the limit towards the container was deleted', ['tc', 'qdisc', 'del', 'dev', link, 'root']],
    ['the limit from the container was deleted', ['tc', 'qdisc', 'del', 'dev', ifb, 'root']],
    ['the hooks were deleted', ['tc', 'qdisc', 'del', 'dev', link, 'clsact']],
    ['the filter was deleted', ['tc', 'filter', 'del', 'dev', link, 'ingress']],
    ['the ifb was deleted', ['ip', 'link', 'del', ifb]],
    ['the ifb was set down', ['ip', 'link', 'set', ifb, 'down']],
    [
      'a limit was changed',
      [
        'tc',
        'qdisc',
        'change',
        'dev',
        link,
        'root',
        'tbf',
        'rate',
        '1mbit',
        'burst',
        '20kb',
        'latency',
        '9ms',
      ],
    ],
    ['another qdisc took the place', ['tc', 'qdisc', 'replace', 'dev', link, 'root', 'pfifo']],
  ];

  it.each(damages)('repairs when %s', async (_, damage) => {
    await create(both);
    await join();
    await host.netns.exec(...damage);
    expect(await checkEndpoint(context, network, id)).not.toEqual([]);
    const changes = await recover(context);
    expect(changes.map(({ resource }) => resource.kind)).toContain(
      damage.includes('down') ? 'ifb' : 'shaping',
    );
    expect(await limits()).toEqual(limitsOfBoth);
    await box.exec('ping', '-c1', '-W2', '10.1.0.1');
    expect(await recover(context)).toEqual([]);
  });

  it('removes an ifb of ours that belongs to nothing', async () => {
    await create();
    const before = await hostFacts();
    await host.netns.exec('ip', 'link', 'add', 'stray0', 'type', 'ifb');
    await host.netns.exec('ip', 'link', 'set', 'stray0', 'alias', `tsnet:endpoint:${'c'.repeat(64)}`);
    await recover(context);
    expect(await hostFacts()).toEqual(before);
  });

  it('makes nothing for a container whose veth is gone', async () => {
    await create(both);
    await join();
    await host.netns.exec('ip', 'link', 'del', link);
    await host.netns.exec('ip', 'link', 'del', ifb);
    expect(await recover(context)).toEqual([]);
  });

  it('leaves an interface of others that has the name, and says so', async () => {
    await create(both);
    await host.netns.exec('ip', 'link', 'add', ifb, 'type', 'ifb');
    await expect(join()).rejects.toMatchObject({ kind: 'conflict' });
    await host.netns.exec('ip', 'link', 'del', ifb);
    await join();
  });
});
