import { describe, expect, it } from 'vitest';
import { type Netns } from '../../support/netns.ts';
import { fail, succeed } from './plugin.ts';
import { useHostWithPods } from './pods.ts';
import { askTcp, startTcpServer } from './tcp-server.ts';

const pods = useHostWithPods();

const config = {
  cniVersion: '1.1.0',
  name: 'options',
  type: 'tsnet',
  bridge: 'br0',
  isDefaultGateway: true,
  ipam: { subnet: '10.77.0.0/24' },
};
const add = (index: number, more: object = {}, ifName = 'eth0') =>
  succeed(pods.host.context, { ...call('ADD', index, more), ifName });
const call = (verb: string, index: number, more: object = {}) => ({
  verb,
  config: { ...config, ...more },
  container: `c${index}`,
  netns: pods.boxes[index]?.path ?? '',
  ifName: 'eth0',
});
const box = (index: number) => pods.boxes[index] as Netns;
const ping = (from: Netns, target: string) => from.exec('ping', '-n', '-c', '1', '-W', '1', target);
const published = {
  runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
};

describe('an option', () => {
  it('mtu is that of both ends', async () => {
    await add(0, { mtu: 1300 });
    expect((await box(0).exec('ip', '-o', 'link', 'show', 'eth0')).stdout).toContain('mtu 1300');
  });

  it('portIsolation keeps containers apart, but for published ports', async () => {
    await add(0, { portIsolation: true, ...published });
    await add(1, { portIsolation: true });
    await using _server = await startTcpServer(box(0), 80);
    await expect(ping(box(1), '10.77.0.2')).rejects.toThrow();
    await ping(box(1), '10.77.0.1');
    expect(await askTcp(pods.host.netns, '10.77.0.1:8080')).toContain('here');
  });

  it('macspoofchk keeps a container from sending as another', async () => {
    await add(0, { macspoofchk: true });
    await ping(box(0), '10.77.0.1');
    await box(0).exec('ip', 'link', 'set', 'eth0', 'address', '02:00:00:00:00:66');
    await expect(ping(box(0), '10.77.0.1')).rejects.toThrow();
  });

  it('bandwidth limits both directions without another plugin', async () => {
    const bandwidth = {
      ingressRate: 8_000_000,
      ingressBurst: 4_294_967_295,
      egressRate: 4_000_000,
      egressBurst: 0,
    };
    const result = await add(0, { runtimeConfig: { bandwidth } });
    const shown = (await pods.host.netns.exec('tc', 'qdisc', 'show')).stdout;
    expect(shown).toContain('8Mbit');
    expect(shown).toContain('4Mbit');
    await succeed(pods.host.context, call('CHECK', 0, { runtimeConfig: { bandwidth }, prevResult: result }));
    await pods.host.netns.exec('tc', 'qdisc', 'del', 'dev', result.interfaces[1]?.name ?? '', 'root');
    const error = await fail(pods.host.context, call('CHECK', 0, { prevResult: result }));
    expect(error.code).toBe(115);
    await succeed(pods.host.context, call('DEL', 0));
    expect((await pods.host.netns.exec('tc', 'qdisc', 'show')).stdout).not.toContain('Mbit');
  });

  it('of ports leads to the first address of a family where there are several', async () => {
    const ipam = { ranges: [[{ subnet: '10.77.0.0/24' }], [{ subnet: '10.78.0.0/24' }]] };
    const result = await add(0, { ipam, ...published });
    expect(result.ips).toHaveLength(2);
    await using _server = await startTcpServer(box(0), 80);
    expect(await askTcp(pods.host.netns, '10.77.0.1:8080')).toContain('here');
    await succeed(pods.host.context, call('CHECK', 0, { ipam, ...published, prevResult: result }));
  });

  const dual = { ranges: [[{ subnet: '10.77.0.0/24' }], [{ subnet: 'fd00:77::/64' }]] };
  const mapped = (...hostIPs: string[]) => ({
    runtimeConfig: {
      portMappings: hostIPs.map((hostIP) => ({ hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP })),
    },
  });
  const bindings = () =>
    pods.host.context.state
      .read((view) => view.endpoints())
      .flatMap(({ ports }) => ports.map(({ hostIp = 'every address' }) => hostIp));

  it.each([['0.0.0.0'], ['::']])('hostIP %s publishes in one family only', async (hostIP) => {
    await add(0, { ipam: dual, ...mapped(hostIP) });
    await using _four = await startTcpServer(box(0), 80);
    await using _six = await startTcpServer(box(0), 80, 6);
    const [mine, other] = ['10.77.0.1:8080', '[fd00:77::1]:8080'].sort((one) =>
      one.startsWith('[') === (hostIP === '::') ? -1 : 1,
    ) as [string, string];
    expect(await askTcp(pods.host.netns, mine)).toContain('here');
    await expect(askTcp(pods.host.netns, other)).rejects.toThrow();
  });

  it.each([
    [
      ['0.0.0.0', '::'],
      ['0.0.0.0', '::'],
    ],
    [['', ''], ['every address']],
    [['', '::', '0.0.0.0'], ['every address']],
    [
      ['::', ''],
      ['::', '0.0.0.0'],
    ],
    [['127.0.0.1', '127.0.0.1'], ['127.0.0.1']],
  ])('equal mappings are one: hostIP %j', async (asked, made) => {
    await add(0, { ipam: dual, ...mapped(...asked) });
    expect(bindings()).toEqual(made);
  });

  it.each([
    [{ subnet: '10.77.0.0/24' }, ['fd00::1', '0.0.0.0', '::'], ['0.0.0.0']],
    [{ subnet: 'fd00:77::/64' }, ['127.0.0.1', '::', '0.0.0.0'], ['::']],
  ])('hostIP of a family that the pod has no address of is left out: %j', async (range, asked, made) => {
    await add(0, { ipam: { ranges: [[range]] }, ...mapped(...asked) });
    expect(bindings()).toEqual(made);
  });

  it.each([
    [{}, 'on'],
    [{ hairpinMode: true }, 'on'],
    [{ hairpinMode: false }, 'off'],
    [{ isDefaultGateway: false }, 'off'],
    [{ isDefaultGateway: false, ipam: {} }, 'off'],
    [{ isDefaultGateway: false, hairpinMode: true }, 'on'],
  ])(
    'hairpinMode is what it says, and follows the gateway where nothing is said: %j',
    async (more, wanted) => {
      const result = await add(0, more);
      const link = result.interfaces[1]?.name ?? '';
      expect((await pods.host.netns.exec('bridge', '-d', 'link', 'show', 'dev', link)).stdout).toContain(
        `hairpin ${wanted}`,
      );
      await succeed(pods.host.context, call('CHECK', 0, { ...more, prevResult: result }));
    },
  );

  it('counts in any case of its key, as it does to plugins in Go', async () => {
    const result = await add(0, {
      isDefaultGateway: undefined,
      isDefaultgateway: true,
      MTU: 1300,
      IPAM: { Ranges: [[{ subnet: '10.77.0.0/24', rangestart: '10.77.0.40' }]] },
      ipam: undefined,
    });
    expect(result.ips[0]?.address).toBe('10.77.0.40/24');
    expect(result.routes).toEqual([{ dst: '0.0.0.0/0', gw: '10.77.0.1' }]);
    expect((await box(0).exec('ip', '-o', 'link', 'show', 'eth0')).stdout).toContain('mtu 1300');
  });

  it('IPv6 addresses turn IPv6 on in a pod without it, on lo too', async () => {
    await box(0).exec(
      'sysctl',
      '-qw',
      'net.ipv6.conf.all.disable_ipv6=1',
      'net.ipv6.conf.default.disable_ipv6=1',
    );
    await box(0).exec('ip', 'link', 'set', 'lo', 'up');
    await add(0, { ipam: dual });
    await ping(box(0), '::1');
    await ping(box(0), 'fd00:77::1');
  });

  it('disableContainerInterface leaves it to the container to set its interface up', async () => {
    const down = { isDefaultGateway: false, ipam: {}, disableContainerInterface: true };
    const prevResult = await add(0, down);
    const link = async () => (await box(0).exec('ip', '-o', 'link', 'show', 'eth0')).stdout;
    expect(await link()).not.toMatch(/[<,]UP[,>]/);
    await succeed(pods.host.context, call('CHECK', 0, { ...down, prevResult }));
    await box(0).exec('ip', 'link', 'set', 'eth0', 'up');
    await succeed(pods.host.context, call('CHECK', 0, { ...down, prevResult }));
    await add(1, { isDefaultGateway: false, ipam: {} });
    for (const index of [0, 1])
      await box(index).exec('ip', 'address', 'add', `192.0.2.${index}/24`, 'dev', 'eth0');
    await ping(box(0), '192.0.2.1');
  });

  it('name of the network may be long', async () => {
    const name = 'n'.repeat(200);
    const result = await add(0, { name, ...published });
    await ping(box(0), '10.77.0.1');
    await succeed(pods.host.context, call('CHECK', 0, { name, ...published, prevResult: result }));
    await succeed(pods.host.context, call('DEL', 0, { name }));
  });

  it('default routes of several networks: the interface with the lowest number counts', async () => {
    const six = { ranges: [[{ subnet: '10.78.0.0/24' }], [{ subnet: 'fd00:78::/64' }]] };
    const dual = { ranges: [[{ subnet: '10.77.0.0/24' }], [{ subnet: 'fd00:77::/64' }]] };
    const second = await add(0, { name: 'second', bridge: 'br1', ipam: six }, 'eth1');
    await add(0, { ipam: dual });
    const routes = async (family: string) =>
      (await box(0).exec('ip', family, 'route', 'get', family === '-4' ? '192.0.2.1' : '2001:db8::1')).stdout;
    expect(await routes('-4')).toContain('dev eth0');
    expect(await routes('-6')).toContain('dev eth0');
    await succeed(pods.host.context, {
      ...call('CHECK', 0, { name: 'second', bridge: 'br1', ipam: six, prevResult: second }),
      ifName: 'eth1',
    });
    await succeed(pods.host.context, call('DEL', 0, { ipam: dual }));
    expect(await routes('-4')).toContain('dev eth1');
  });
});
