import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAddress, parseEndpointId, parseNetworkId, parsePort } from '../../../src/model/index.ts';
import {
  createEndpoint,
  createNetwork,
  deleteNetwork,
  join,
  publish,
  watchKernel,
} from '../../../src/network/index.ts';
import { hostFacts } from '../../support/host-facts.ts';
import { createHost, type Host } from '../../support/host.ts';
import { plainNetwork, subnet4, subnet6 } from '../../support/plain-network.ts';

const network = parseNetworkId('a'.repeat(64));
const bridge = `tsb-${'a'.repeat(10)}`;

/** Two seconds are promised. */
const noticeMs = 2_000;

describe.each(['nftables', 'iptables'] as const)('with %s', (firewall) => {
  let host: Host;
  let watch: AsyncDisposable;
  let before: string[];

  beforeEach(async () => {
    host = await createHost(firewall);
    await createNetwork(host.context, plainNetwork({ id: network, subnets: [subnet4, subnet6] }));
    await addEndpoint(1);
    watch = watchKernel(host.context);
    before = await facts();
  });
  afterEach(async () => {
    await watch[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  async function addEndpoint(number: number): Promise<void> {
    const id = parseEndpointId(number.toString(16).padStart(10, '0').padEnd(64, 'e'));
    await createEndpoint(host.context, {
      network,
      id,
      addresses: [parseAddress(`10.1.0.${number + 1}/24`), parseAddress(`fd00:1::${number + 1}/64`)],
    });
    await join(host.context, network, id, '/var/run/docker/netns/none');
    await publish(host.context, network, id, [
      {
        protocol: 'tcp',
        hostPorts: { first: parsePort(8080 + number), last: parsePort(8080 + number) },
        containerPort: parsePort(80),
      },
    ]);
  }

  const wipes: readonly (readonly [what: string, command: string, restored: string])[] = [
    [
      'all rules are flushed',
      firewall === 'nftables' ? 'nft flush ruleset' : 'iptables -F; iptables -t nat -F; ip6tables -F',
      firewall === 'nftables' ? '~ nft table inet tsnet' : 'chain TSNET-FORWARD',
    ],
    ['iptables is flushed', 'iptables -F', 'chain TSNET-FORWARD'],
    ...(firewall === 'nftables'
      ? ([
          ['the table is deleted', 'nft delete table inet tsnet', '~ nft table inet tsnet'],
          ['a map is flushed', 'nft flush map inet tsnet publish4_any', '+ port tcp 0.0.0.0:8081'],
        ] as const)
      : []),
    ['the bridge is deleted', `ip link delete ${bridge}`, `+ link ${bridge} type bridge`],
    ['an address is deleted', `ip address delete 10.1.0.1/24 dev ${bridge}`, '+ address 10.1.0.1/24'],
    ['a route is deleted', `ip route delete 10.1.0.0/24 dev ${bridge}`, '+ route 10.1.0.0/24 dev'],
    ['an IPv6 route is deleted', `ip -6 route delete fd00:1::/64 dev ${bridge}`, '+ route fd00:1::/64 dev'],
    ['a route is replaced', 'ip route replace 10.1.0.0/24 dev lo', '+ route 10.1.0.0/24 dev'],
    ['the bridge is set down', `ip link set ${bridge} down`, `~ link ${bridge} type bridge`],
    [
      'route_localnet is turned off',
      `echo 0 >/proc/sys/net/ipv4/conf/${bridge}/route_localnet`,
      '~ sysctl net/ipv4/conf/',
    ],
    ['forwarding is turned off', 'echo 0 >/proc/sys/net/ipv4/ip_forward', '~ sysctl net/ipv4/ip_forward = 1'],
    [
      'other chains are put first',
      'iptables -I FORWARD -s 203.0.113.7 -j DROP',
      'iptables-nft IPv4 filter chain FORWARD',
    ],
  ];

  it.each(wipes)('%s: it is noticed and put back', async (_, command, restored) => {
    await host.netns.exec('sh', '-c', command);
    const damaged = performance.now();
    await until(() => host.complaints.some((line) => line.includes(restored)));
    expect(performance.now() - damaged).toBeLessThan(noticeMs);
    if (process.env['TSNET_FIGURES'] !== undefined)
      process.stderr.write(`${firewall}: ${command}: ${(performance.now() - damaged).toFixed(0)} ms\n`);
    // What forbids is put back first; ports follow.
    await expect.poll(foundFacts, { timeout: noticeMs }).toEqual(before);
    const rules = (await host.netns.exec('iptables', '-S', 'FORWARD')).stdout.split('\n');
    expect(rules[1]).toBe('-A FORWARD -j TSNET-FORWARD');
    expect(host.complaints.filter((line) => !line.startsWith('restored '))).toEqual([]);
  });

  it('own operations are no reason to restore anything', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, index) => addEndpoint(index + 2)));
    await pause(1_500);
    await deleteNetwork(host.context, network);
    await pause(1_500);
    expect(host.complaints).toEqual([]);
  });

  it('somebody who undoes every repair is reported, and not fought without end', async () => {
    const remove = async (): Promise<number> => {
      const { stdout } = await host.netns.exec('ip', '-o', 'address', 'show', 'dev', bridge);
      if (!stdout.includes('10.1.0.1/24')) return 0;
      await host.netns.exec('ip', 'address', 'delete', '10.1.0.1/24', 'dev', bridge);
      return 1;
    };
    await until(async () => {
      await remove();
      return host.complaints.some((line) => line.includes('what is restored does not stay'));
    });
    let repairs = -1;
    for (const end = performance.now() + 5_000; performance.now() < end; await pause(20)) {
      repairs += await remove();
    }
    expect(repairs).toBeLessThanOrEqual(2);
  });

  async function foundFacts(): Promise<string[]> {
    return (await facts()).filter((line) => !/203\.0\.113\.7|10\.1\.0\.0\/24 dev lo/.test(line));
  }

  /** What can be seen from outside, and the settings that the tests change. */
  async function facts(): Promise<string[]> {
    const files = [`ipv4/ip_forward`, `ipv4/conf/${bridge}/route_localnet`].map(
      (name) => `/proc/sys/net/${name}`,
    );
    return [...(await hostFacts(host.netns)), (await host.netns.exec('cat', ...files)).stdout];
  }
});

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error('not so after 30 s');
    await pause(10);
  }
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
