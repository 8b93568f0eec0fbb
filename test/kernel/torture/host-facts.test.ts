import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareFacts } from '../../torture/host-facts.ts';
import { restingFacts } from '../../torture/resting-facts.ts';
import { startTortureHost, tsnetCall, type TortureHost } from '../../torture/torture-host.ts';

// The look of the kills lane at a host, tested by what one of each kind of left-over does to it.
let host: TortureHost;

beforeAll(async () => {
  host = await startTortureHost();
  await host.succeed(tsnetCall('network', 'create', 'lab'));
  await restingFacts(host);
});
afterAll(() => host[Symbol.asyncDispose]());

const shell = (script: string) => host.host.exec('sh', '-c', script);

const plants: readonly (readonly [what: string, plant: string, remove: string])[] = [
  ['a link', 'ip link add left0 type bridge', 'ip link del left0'],
  ['a veth in another namespace', 'ip -n lan link add left0 type veth', 'ip -n lan link del left0'],
  ['an address', 'ip address add 192.0.2.77/32 dev lo', 'ip address del 192.0.2.77/32 dev lo'],
  ['a route', 'ip route add 198.51.100.0/24 dev uplink0', 'ip route del 198.51.100.0/24'],
  ['a route of IPv6', 'ip -6 route add 2001:db8:2::/64 dev uplink0', 'ip -6 route del 2001:db8:2::/64'],
  ['a routing rule', 'ip rule add pref 77 lookup main', 'ip rule del pref 77'],
  [
    'a neighbour',
    'ip neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 dev uplink0',
    'ip neighbour del 192.0.2.9 dev uplink0',
  ],
  ['a qdisc', 'tc qdisc add dev uplink0 clsact', 'tc qdisc del dev uplink0 clsact'],
  [
    'an element of a set',
    'nft add element inet tsnet bridges "{ \\"left0\\" }"',
    'nft delete element inet tsnet bridges "{ \\"left0\\" }"',
  ],
  ['a table', 'nft add table inet left', 'nft delete table inet left'],
  ['a rule of iptables-nft', 'iptables-nft -A FORWARD -i left0', 'iptables-nft -D FORWARD -i left0'],
  [
    'a rule of ip6tables-legacy',
    'ip6tables-legacy -A FORWARD -i left0',
    'ip6tables-legacy -D FORWARD -i left0',
  ],
  [
    'a sysctl',
    'echo 1 >/proc/sys/net/ipv4/conf/uplink0/route_localnet',
    'echo 0 >/proc/sys/net/ipv4/conf/uplink0/route_localnet',
  ],
  ['a lock file', 'touch /run/tsnet/locks/left', 'rm /run/tsnet/locks/left'],
  [
    'a hosts file',
    'mkdir -p /run/tsnet/sandboxes/left; echo >/run/tsnet/sandboxes/left/hosts ::1 left',
    'rm -r /run/tsnet/sandboxes/left',
  ],
  ['a name of a namespace', 'ip netns add left', 'ip netns del left'],
  ['a mount', 'mount -t tmpfs left /var/lib/tsnet', 'umount /var/lib/tsnet'],
  ['a process', 'sleep 4321 >/dev/null 2>&1 & echo $! >/run/left', 'kill "$(cat /run/left)"'],
];

describe('a look at a host', () => {
  it('is the same twice', async () => {
    const before = await host.facts();
    expect(before.length).toBeGreaterThan(100);
    expect(compareFacts(before, await host.facts())).toEqual({ left: [], lost: [] });
  });

  it.each(plants)('shows %s, and that it is gone', async (_, plant, remove) => {
    // The first rule of iptables makes its tables, which stay.
    await shell(plant);
    await shell(remove);
    const before = await host.facts();
    await shell(plant);
    const planted = await host.facts();
    expect(compareFacts(before, planted).left).not.toEqual([]);
    expect(compareFacts(planted, before).lost).not.toEqual([]);
    await shell(remove);
    expect(compareFacts(before, await host.facts())).toEqual({ left: [], lost: [] });
  });

  it('shows records: a network with its pool and its lease', async () => {
    const before = await host.facts();
    await host.succeed(tsnetCall('network', 'create', 'dmz'));
    const text = compareFacts(before, await host.facts()).left.join('\n');
    for (const kind of ['network', 'pool', 'lease', 'node']) expect(text).toContain(`record: ${kind}/`);
    await host.succeed(tsnetCall('network', 'rm', 'dmz'));
    expect(compareFacts(before, await host.facts())).toEqual({ left: [], lost: [] });
  });
});
