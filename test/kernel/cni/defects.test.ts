import { describe, expect, it } from 'vitest';
import { hostFacts } from '../../support/host-facts.ts';
import { type Netns } from '../../support/netns.ts';
import { fail, succeed } from './plugin.ts';
import { useHostWithPods } from './pods.ts';

// What the reference plugins do wrong and is tested nowhere else here. The others: two interfaces of one container and
// namespaces that vanish in attachment.test.ts, CHECK, STATUS and GC in garbage.test.ts, host addresses that are none
// in the unit tests.

const pods = useHostWithPods();

const config = {
  cniVersion: '1.1.0',
  name: 'defects',
  type: 'tsnet',
  bridge: 'br0',
  isGateway: true,
  ipMasq: true,
  ipMasqBackend: 'nftables',
  ipam: { subnet: '10.77.0.0/24' },
};
const call = (verb: string, index: number, more: object = {}, ifName = 'eth0') => ({
  verb,
  config: { ...config, ...more },
  container: `c${index}`,
  netns: pods.boxes[index]?.path ?? '',
  ifName,
});
const macOf = async (link: string) =>
  /link\/ether (\S+)/.exec((await pods.host.netns.exec('ip', '-o', 'link', 'show', link)).stdout)?.[1];
const unreachable = { ipam: { ...config.ipam, routes: [{ dst: '192.0.2.0/24', gw: '224.0.0.1' }] } };

describe('the first DEL', () => {
  it('succeeds where iptables has rules too, and after an ADD that failed', async () => {
    await pods.host.netns.exec('iptables', '-t', 'nat', '-A', 'POSTROUTING', '-j', 'RETURN');
    await succeed(pods.host.context, call('ADD', 0));
    await succeed(pods.host.context, call('DEL', 0));
    await fail(pods.host.context, call('ADD', 0, unreachable));
    await succeed(pods.host.context, call('DEL', 0));
  });

  it.each(['', '/run/netns/tsnet-test-none'])('leaves no rules with the namespace %j', async (netns) => {
    await succeed(pods.host.context, call('ADD', 0));
    const before = (await pods.host.netns.exec('nft', '--stateless', 'list', 'ruleset')).stdout;
    const ports = {
      runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'udp' }] },
    };
    await succeed(pods.host.context, call('ADD', 1, ports));
    await succeed(pods.host.context, { ...call('DEL', 1), netns });
    expect((await pods.host.netns.exec('nft', '--stateless', 'list', 'ruleset')).stdout).toBe(before);
  });
});

describe('the hardware address of the bridge', () => {
  it('is there and stays, also after an ADD that failed early', async () => {
    await fail(pods.host.context, call('ADD', 0, unreachable));
    await succeed(pods.host.context, call('DEL', 0));
    const mac = await macOf('br0');
    expect(mac).toBe('02:42:0a:4d:00:01');
    await succeed(pods.host.context, call('ADD', 0));
    await succeed(pods.host.context, call('ADD', 1));
    expect(await macOf('br0')).toBe(mac);
  });

  it('is fixed for a bridge that is no gateway, so that CHECK keeps succeeding', async () => {
    const plain = { isGateway: false };
    const prevResult = await succeed(pods.host.context, call('ADD', 0, plain));
    const mac = await macOf('br0');
    await pods.host.netns.exec(
      'ip',
      'link',
      'add',
      'low0',
      'address',
      '00:00:00:00:00:02',
      'type',
      'veth',
      'peer',
      'name',
      'low1',
    );
    await pods.host.netns.exec('ip', 'link', 'set', 'low0', 'master', 'br0');
    expect(await macOf('br0')).toBe(mac);
    await succeed(pods.host.context, call('CHECK', 0, { ...plain, prevResult }));
  });
});

describe('an ADD that fails', () => {
  it('leaves nothing in the container, without waiting for a DEL', async () => {
    const before = await hostFacts(pods.boxes[0] as Netns);
    await fail(pods.host.context, call('ADD', 0, unreachable));
    expect(await hostFacts(pods.boxes[0] as Netns)).toEqual(before);
  });

  it('for want of a port of the bridge says so', async () => {
    await pods.host.netns.exec('ip', 'link', 'add', 'br0', 'type', 'bridge');
    const lines = Array.from(
      { length: 1023 },
      (_, index) => `link add p${index} master br0 type veth peer name q${index}`,
    );
    await pods.host.netns.exec('sh', '-c', `echo '${lines.join('\n')}' | ip -batch -`);
    const error = await fail(pods.host.context, call('ADD', 0));
    expect(error.code).toBe(112);
    expect((await pods.boxes[0]?.exec('ip', '-o', 'link'))?.stdout).not.toContain('eth0');
  });
});

describe('the time of an ADD', () => {
  it('with IPv6 does not wait for duplicate address detection, unless enabledad says so', async () => {
    const six = { ipam: { subnet: 'fd00:77::/64' } };
    const timeOf = async (index: number, more: object) => {
      const start = performance.now();
      await succeed(pods.host.context, call('ADD', index, { ...six, ...more }));
      return performance.now() - start;
    };
    expect(await timeOf(0, {})).toBeLessThan(900);
    expect(
      (await pods.boxes[0]?.exec('ip', '-o', '-6', 'address', 'show', 'eth0', 'scope', 'global'))?.stdout,
    ).not.toContain('tentative');
    await timeOf(1, { enabledad: true });
    expect(
      (await pods.boxes[1]?.exec('cat', '/proc/sys/net/ipv6/conf/eth0/accept_dad'))?.stdout.trim(),
    ).not.toBe('0');
  });
});
