import { describe, expect, it } from 'vitest';
import { withLock } from '../../../src/network/index.ts';
import { callCni, fail, succeed, type Result } from './plugin.ts';
import { useHostWithPods } from './pods.ts';

const pods = useHostWithPods();

const config = {
  cniVersion: '1.1.0',
  name: 'gc',
  type: 'tsnet',
  bridge: 'br0',
  isDefaultGateway: true,
  ipam: { subnet: '10.77.0.0/29' },
};
const other = { ...config, name: 'other', bridge: 'br1', ipam: { subnet: '10.78.0.0/24' } };
const call = (verb: string, index: number, more: object = {}, ifName = 'eth0') => ({
  verb,
  config: { ...config, ...more },
  container: `c${index}`,
  netns: pods.boxes[index]?.path ?? '',
  ifName,
});
const attachments = () =>
  pods.host.context.state
    .read((view) => view.endpoints())
    .map(({ network, container, containerLink }) => `${network} ${container?.id ?? ''} ${containerLink}`)
    .sort();
const addresses = () =>
  pods.host.context.state.read((view) => view.leases()).filter(({ kind }) => kind === 'endpoint').length;

describe('GC', () => {
  it('ends exactly what is not valid, in this network only', async () => {
    await succeed(pods.host.context, call('ADD', 0));
    await succeed(pods.host.context, call('ADD', 0, {}, 'eth1'));
    await succeed(pods.host.context, call('ADD', 1));
    await succeed(pods.host.context, call('ADD', 1, other, 'eth1'));
    const gc = (valid: object) => callCni(pods.host.context, { verb: 'GC', config: { ...config, ...valid } });
    const nothing = { exitCode: 0, stdout: '' };
    expect(await gc({})).toEqual(nothing);
    expect(attachments()).toHaveLength(4);
    const left = [{ containerID: 'c0', ifname: 'eth1' }];
    expect(await gc({ 'cni.dev/valid-attachments': left, 'cni.dev/attachments': [] })).toEqual(nothing);
    expect(attachments()).toEqual(['cni-gc c0 eth1', 'cni-other c1 eth1']);
    expect(addresses()).toBe(2);
    expect((await pods.boxes[0]?.exec('ip', '-o', 'link'))?.stdout).not.toContain('eth0');
    // What libcni sends for an empty list.
    expect(await gc({ 'cni.dev/valid-attachments': null })).toEqual(nothing);
    expect(attachments()).toEqual(['cni-other c1 eth1']);
    expect(addresses()).toBe(1);
    await succeed(pods.host.context, call('ADD', 0, {}, 'eth1'));
  });
});

describe('GC while something is attached, which runtimes must not do', () => {
  const collect = (valid: object) =>
    callCni(pods.host.context, {
      verb: 'GC',
      config: { ...config, 'cni.dev/valid-attachments': valid },
    });
  /** Every address that an attachment has is leased to it, and no other is. */
  const expectWhole = () => {
    const { held, leased } = pods.host.context.state.read((view) => ({
      held: view
        .endpoints()
        .flatMap(({ id, addresses: own }) => own.map((address) => `${id} ${address.split('/')[0] ?? ''}`)),
      leased: view
        .leases()
        .filter(({ kind }) => kind === 'endpoint')
        .map(({ ip, owner = '' }) => `${owner.split(':')[1] ?? ''} ${ip}`),
    }));
    expect(leased.sort()).toEqual(held.sort());
  };

  it('does not take the address of what has not got further than that', async () => {
    await succeed(pods.host.context, call('ADD', 0));
    const { runDirectory } = pods.host.context;
    // Where an ADD waits for another operation of its network is where it is slow.
    const adding = await withLock(runDirectory, 'cni-gc', async () => {
      const started = succeed(pods.host.context, call('ADD', 1));
      await new Promise((resolve) => void setTimeout(resolve, 100));
      expect(await collect([{ containerID: 'c0', ifname: 'eth0' }])).toEqual({ exitCode: 0, stdout: '' });
      return { started };
    });
    await adding.started;
    expect(attachments()).toEqual(['cni-gc c0 eth0', 'cni-gc c1 eth0']);
    expectWhole();
  });

  it('ends an attachment whole or not at all', async () => {
    for (let round = 0; round < 3; round += 1) {
      const names = Array.from({ length: 4 }, (_, index) => `e${round}-${index}`);
      const adds = names.map((name) => callCni(pods.host.context, call('ADD', 0, {}, name)));
      for (let times = 0; times < 4; times += 1) {
        await new Promise((resolve) => void setTimeout(resolve, 7));
        expect(await collect([])).toEqual({ exitCode: 0, stdout: '' });
        expectWhole();
      }
      await Promise.all(adds);
      expectWhole();
    }
    expect(await collect([])).toEqual({ exitCode: 0, stdout: '' });
    expect([attachments(), addresses()]).toEqual([[], 0]);
  });
});

describe('STATUS', () => {
  const status = () => callCni(pods.host.context, { verb: 'STATUS', config });

  it('is well before the first and until the last address', async () => {
    expect(await status()).toEqual({ exitCode: 0, stdout: '' });
    expect(pods.host.context.state.read((view) => view.pools())).toEqual([]);
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      expect(await status()).toEqual({ exitCode: 0, stdout: '' });
      await succeed(pods.host.context, call('ADD', 0, {}, name));
    }
    const error = await fail(pods.host.context, { verb: 'STATUS', config });
    expect(error.code).toBe(50);
    expect(error.msg).toContain('10.77.0.1 to 10.77.0.6');
  });

  it('says that something else has the name of the bridge', async () => {
    await pods.host.netns.exec('ip', 'link', 'add', 'br0', 'type', 'veth', 'peer', 'name', 'br0p');
    const error = await fail(pods.host.context, { verb: 'STATUS', config });
    expect(error.code).toBe(50);
    expect(error.msg).toContain('bridge br0');
  });

  it('says that the bridge is full', async () => {
    await pods.host.netns.exec('ip', 'link', 'add', 'br0', 'type', 'bridge');
    const lines = Array.from(
      { length: 1023 },
      (_, index) => `link add p${index} master br0 type veth peer name q${index}`,
    );
    await pods.host.netns.exec('sh', '-c', `echo '${lines.join('\n')}' | ip -batch -`);
    const error = await fail(pods.host.context, { verb: 'STATUS', config });
    expect(error.code).toBe(50);
    expect(error.msg).toContain('1023 ports');
  });
});

describe('CHECK', () => {
  const damages: readonly (readonly [string, () => Promise<unknown>, string])[] = [
    ['an address', () => inBox('ip', 'address', 'del', '10.77.0.2/29', 'dev', 'eth0'), '10.77.0.2/29'],
    ['a route', () => inBox('ip', 'route', 'del', 'default'), '0.0.0.0/0'],
    ['the interface', () => inBox('ip', 'link', 'del', 'eth0'), 'eth0'],
    ['its being up', () => inBox('ip', 'link', 'set', 'eth0', 'down'), 'eth0'],
    [
      'a published port',
      () => onHost('nft', 'flush', 'map', 'inet', 'tsnet', 'publish4_any'),
      'port tcp 0.0.0.0:8080',
    ],
    ['all rules', () => onHost('nft', 'flush', 'ruleset'), 'rules dev br0'],
    ['the address of the gateway', () => onHost('ip', 'address', 'flush', 'dev', 'br0'), '10.77.0.1/29'],
  ];
  const inBox = (...command: [string, ...string[]]) =>
    pods.boxes[0]?.exec(...command) ?? Promise.reject(new Error());
  const onHost = (...command: [string, ...string[]]) => pods.host.netns.exec(...command);
  const published = {
    runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
  };

  it.each(damages)('misses %s', async (_, damage, message) => {
    const prevResult = await succeed(pods.host.context, call('ADD', 0, published));
    await succeed(pods.host.context, call('CHECK', 0, { ...published, prevResult }));
    await damage();
    const error = await fail(pods.host.context, call('CHECK', 0, { ...published, prevResult }));
    expect(error.code).toBe(115);
    expect(error.msg).toContain(message);
    await succeed(pods.host.context, call('DEL', 0, { ...published, prevResult }));
  });

  /** As a later plugin tells what it made of the container's interface. */
  const told = ({ interfaces, ...rest }: Result, more: object): Result => ({
    ...rest,
    interfaces: interfaces.map((one) => (one.name === 'eth0' ? { ...one, ...more } : one)),
  });

  it('tolerates what the container added, and what later plugins changed and told', async () => {
    const result = await succeed(pods.host.context, call('ADD', 0));
    await inBox('ip', 'address', 'add', '192.0.2.1/24', 'dev', 'eth0');
    await inBox('ip', 'route', 'add', '198.51.100.0/24', 'via', '192.0.2.7');
    await succeed(pods.host.context, call('CHECK', 0, { prevResult: result }));
    await inBox('ip', 'link', 'set', 'eth0', 'mtu', '1300', 'address', '02:00:00:00:00:99');
    const prevResult = told(result, { mac: '02:00:00:00:00:99', mtu: 1300 });
    await succeed(pods.host.context, call('CHECK', 0, { prevResult }));
    const withMore: Result = {
      ...prevResult,
      ips: [...prevResult.ips, { address: '192.0.2.1/24', interface: 2 }],
      routes: [...(prevResult.routes ?? []), { dst: '198.51.100.0/24' }],
    };
    await succeed(pods.host.context, call('CHECK', 0, { prevResult: withMore }));
  });

  it.each([
    [
      'the MAC address',
      (result: Result) => told(result, { mac: '02:00:00:00:00:99' }),
      'eth0 has MAC address',
    ],
    ['the MTU', (result: Result) => told(result, { mtu: 1300 }), 'eth0 has MTU 1500'],
    [
      'the sandbox',
      (result: Result) => told(result, { sandbox: '/run/netns/x' }),
      'has eth0 in /run/netns/x',
    ],
    [
      'an address of another plugin',
      (result: Result) => ({ ...result, ips: [...result.ips, { address: '192.0.2.1/24', interface: 2 }] }),
      'eth0 lacks address 192.0.2.1/24',
    ],
    [
      'a route of another plugin',
      (result: Result) => ({ ...result, routes: [{ dst: '198.51.100.0/24', gw: '10.77.0.1' }] }),
      'the sandbox lacks route 198.51.100.0/24 via 10.77.0.1',
    ],
    [
      'the MAC address of the bridge',
      (result: Result) => ({
        ...result,
        interfaces: result.interfaces.map((one, index) => ({
          ...one,
          ...(index === 0 ? { mac: zero } : {}),
        })),
      }),
      'br0 has MAC address',
    ],
    [
      'the end on the host',
      (result: Result) => ({ ...result, interfaces: result.interfaces.filter((_, index) => index !== 1) }),
      'prevResult has no interface tsv-',
    ],
  ])('misses %s that the result tells', async (_, change, message) => {
    const prevResult = change(await succeed(pods.host.context, call('ADD', 0)));
    const error = await fail(pods.host.context, call('CHECK', 0, { prevResult }));
    expect(error.code).toBe(115);
    expect(error.msg).toContain(message);
  });
  const zero = '00:00:00:00:00:01';

  it('compares with the result of the ADD', async () => {
    const result = await succeed(pods.host.context, call('ADD', 0));
    for (const changed of [
      { ...result, ips: [] },
      { ...result, interfaces: [] },
    ]) {
      const error = await fail(pods.host.context, call('CHECK', 0, { prevResult: changed }));
      expect(error.code).toBe(115);
      expect(error.msg).toContain('prevResult');
    }
  });
});
