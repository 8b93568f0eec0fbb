import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFirewall, type Firewall, type FirewallResource } from '../../../src/firewall/index.ts';
import {
  formatResource,
  linkLocalOf,
  parseIfName,
  parseIp,
  parseMac,
  type SourceGuard,
} from '../../../src/model/index.ts';
import { lockDirectory } from '../../support/lock-directory.ts';
import { createNetns, type Netns } from '../../support/netns.ts';
import { network } from './resources.ts';

// A bridge with three containers: a hostile one, its victim, and one that watches what arrives. Frames are forged where
// they leave the hostile one, by nftables in its own namespace, and counted where they arrive, by that of the watcher.
const names = ['mallory', 'victim', 'watcher'] as const;
type Name = (typeof names)[number];

const macs = { mallory: '02:42:0a:01:00:02', victim: '02:42:0a:01:00:03', watcher: '02:42:0a:01:00:04' };
const ipv4 = { mallory: '10.1.0.2', victim: '10.1.0.3', watcher: '10.1.0.4' };
const ipv6 = { mallory: 'fd00:1::2', victim: 'fd00:1::3', watcher: 'fd00:1::4' };
/** Addresses as the numbers that nft(8) wants for a field without a name. */
const number = { victim: `0x${'fd000001'.padEnd(31, '0')}3`, mallory: `0x${'fd000001'.padEnd(31, '0')}2` };
const linkLocal = { mallory: 'fe80::42:aff:fe01:2', watcher: 'fe80::42:aff:fe01:4' };

const rules = { ...network('tsb-g', ['10.1.0.0/24', 'fd00:1::/64']), antispoofs: true } as const;
const guards = names.map((name): SourceGuard => ({
  kind: 'source-guard',
  link: parseIfName(`tsv-${name}`),
  mac: parseMac(macs[name]),
  addresses: [parseIp(ipv4[name]), parseIp(ipv6[name]), linkLocalOf(parseMac(macs[name]))],
  owner: `endpoint:${name}`,
}));

let host: Netns;
let members: Record<Name, Netns>;
let firewall: Firewall;

beforeAll(async () => {
  host = await createNetns('host');
  const spaces = await Promise.all(names.map(async (name) => [name, await createNetns(name)] as const));
  members = Object.fromEntries(spaces) as Record<Name, Netns>;
  await host.exec(
    'sh',
    '-ec',
    `ip link add tsb-g address 02:42:0a:01:00:01 type bridge
     echo 0 >/proc/sys/net/ipv6/conf/tsb-g/accept_dad
     ip link set tsb-g up
     ip address add 10.1.0.1/24 dev tsb-g
     ip address add fd00:1::1/64 dev tsb-g nodad
     ${names
       .map(
         (
           name,
         ) => `ip link add tsv-${name} type veth peer name eth0 address ${macs[name]} netns ${members[name].name}
           ip link set tsv-${name} master tsb-g up`,
       )
       .join('\n')}`,
  );
  await Promise.all(
    names.map((name) =>
      members[name].exec(
        'sh',
        '-ec',
        `echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
         ip link set eth0 up
         ip address add ${ipv4[name]}/24 dev eth0
         ip address add ${ipv6[name]}/64 dev eth0 nodad`,
      ),
    ),
  );
  firewall = await openFirewall({ backend: 'nftables', netns: host.path, lockDirectory });
  await firewall.prepare();
});
afterAll(async () => {
  firewall[Symbol.dispose]();
  await Promise.all(Object.values(members).map(async (space) => await space[Symbol.asyncDispose]()));
  await host[Symbol.asyncDispose]();
});

interface Frames {
  /** What leaves Mallory's interface becomes this. */
  readonly forge?: string;
  /** What Mallory does, and how to take it back. */
  readonly act: string;
  readonly undo?: string;
  /** What the watcher counts. */
  readonly arriving: string;
}

/** Whether frames arrive at the watcher. */
async function arrives({ forge, act, undo = 'true', arriving }: Frames): Promise<boolean> {
  const { mallory, watcher } = members;
  await watcher.exec(
    'nft',
    `add table netdev watch; add chain netdev watch in { type filter hook ingress device eth0 priority -500; };
     add rule netdev watch in ${arriving} counter`,
  );
  if (forge !== undefined) {
    await mallory.exec(
      'nft',
      `add table netdev forge; add chain netdev forge out { type filter hook egress device eth0 priority 0; };
       ${forge
         .split(';')
         .map((rule) => `add rule netdev forge out ${rule}`)
         .join(';')}`,
    );
  }
  try {
    await mallory.exec('sh', '-c', `${act}; true`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { stdout } = await watcher.exec('nft', 'list', 'table', 'netdev', 'watch');
    return !/counter packets 0 /.test(stdout);
  } finally {
    await watcher.exec('nft', 'delete table netdev watch');
    if (forge !== undefined) await mallory.exec('nft', 'delete table netdev forge');
    await mallory.exec('sh', '-c', undo);
  }
}

const ping = (address: string) => `ping -c 1 -W 0.2 ${address}`;
/** Asks who has an address before. */
const askNewly = (address: string) => `ip neigh flush dev eth0; ${ping(address)}`;
const detectDuplicates = (address: string) =>
  `echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip address add ${address}/64 dev eth0; sleep 1.2`;

const attacks: Readonly<Record<string, Frames>> = {
  'the IPv4 address of a neighbour': {
    act: ping(ipv4.watcher),
    forge: `ip saddr set ${ipv4.victim}`,
    arriving: `ip saddr ${ipv4.victim} icmp type echo-request`,
  },
  'the IPv6 address of a neighbour': {
    act: ping(ipv6.watcher),
    forge: `icmpv6 type echo-request ip6 saddr set ${ipv6.victim}`,
    arriving: `ip6 saddr ${ipv6.victim} icmpv6 type echo-request`,
  },
  'the link-local address of a neighbour': {
    act: ping(ipv6.watcher),
    forge: 'icmpv6 type echo-request ip6 saddr set fe80::42:aff:fe01:3',
    arriving: 'ip6 saddr fe80::42:aff:fe01:3 icmpv6 type echo-request',
  },
  'an address of nobody': {
    act: ping(ipv4.watcher),
    forge: 'ip saddr set 198.51.100.7',
    arriving: 'ip saddr 198.51.100.7',
  },
  'the hardware address of a neighbour': {
    act: `ip link set eth0 address ${macs.victim}; ${ping(ipv4.watcher)}`,
    undo: `ip link set eth0 address ${macs.mallory}`,
    arriving: `ether saddr ${macs.victim}`,
  },
  'the gateway, by ARP': {
    act: askNewly(ipv4.watcher),
    forge: 'arp operation request arp saddr ip set 10.1.0.1',
    arriving: `arp saddr ip 10.1.0.1 ether saddr ${macs.mallory}`,
  },
  'a neighbour, by an ARP reply': {
    act: askNewly(ipv4.watcher),
    forge: `arp operation request arp saddr ip set ${ipv4.victim} arp operation set reply`,
    arriving: `arp operation reply arp saddr ip ${ipv4.victim} ether saddr ${macs.mallory}`,
  },
  'the hardware address of a neighbour inside ARP': {
    act: askNewly(ipv4.watcher),
    forge: `arp operation request arp saddr ether set ${macs.victim}`,
    arriving: `arp saddr ether ${macs.victim} ether saddr ${macs.mallory}`,
  },
  'the address of a neighbour, by an ARP probe': {
    act: askNewly(ipv4.victim),
    forge: 'arp operation request arp saddr ip set 0.0.0.0',
    arriving: `arp saddr ip 0.0.0.0 arp daddr ip ${ipv4.victim}`,
  },
  'a neighbour, by an advertisement': {
    act: ping(ipv6.watcher),
    forge: `icmpv6 type echo-request @th,64,128 set ${number.victim} icmpv6 type set nd-neighbor-advert`,
    arriving: `ether saddr ${macs.mallory} icmpv6 type nd-neighbor-advert @th,64,128 ${number.victim}`,
  },
  'the address of a neighbour, by duplicate address detection': {
    act: detectDuplicates(ipv6.victim),
    undo: `ip address del ${ipv6.victim}/64 dev eth0; echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad`,
    arriving: `ip6 saddr :: icmpv6 type nd-neighbor-solicit @th,64,128 ${number.victim}`,
  },
  'to be the router': {
    act: ping(ipv6.watcher),
    forge: 'icmpv6 type echo-request icmpv6 type set nd-router-advert',
    arriving: 'icmpv6 type nd-router-advert',
  },
  'an address inside a VLAN': {
    act: ping(ipv4.watcher),
    forge: 'icmp type echo-request ether type set 8021q',
    arriving: 'ether type 8021q',
  },
  'anything in a protocol that can’t be checked': {
    act: ping(ipv4.watcher),
    forge: 'icmp type echo-request ether type set 0x88b5',
    arriving: 'ether type 0x88b5',
  },
};

const honest: Readonly<Record<string, Frames>> = {
  'ping over IPv4 and its ARP': {
    act: askNewly(ipv4.watcher),
    arriving: `ip saddr ${ipv4.mallory} icmp type echo-request`,
  },
  'ping over IPv6 and its neighbour discovery': {
    act: askNewly(ipv6.watcher),
    arriving: `ip6 saddr ${ipv6.mallory} icmpv6 type echo-request`,
  },
  'ping between link-local addresses': {
    act: askNewly(`${linkLocal.watcher}%eth0`),
    arriving: `ip6 saddr ${linkLocal.mallory} icmpv6 type echo-request`,
  },
  'an ARP probe for its own address': {
    act: askNewly(ipv4.victim),
    forge: `arp operation request arp saddr ip set 0.0.0.0 arp daddr ip set ${ipv4.mallory}`,
    arriving: `arp saddr ip 0.0.0.0 arp daddr ip ${ipv4.mallory}`,
  },
  'duplicate address detection for its own address': {
    act: `ip address del ${ipv6.mallory}/64 dev eth0; ${detectDuplicates(ipv6.mallory)}`,
    undo: 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad',
    arriving: `ip6 saddr :: icmpv6 type nd-neighbor-solicit @th,64,128 ${number.mallory}`,
  },
};

/** The port behind which the bridge takes the victim to be. */
async function portOfVictim(): Promise<string | undefined> {
  const { stdout } = await host.exec('bridge', 'fdb', 'show', 'br', 'tsb-g');
  const line = stdout.split('\n').find((text) => text.startsWith(macs.victim) && !text.includes('permanent'));
  return line === undefined ? undefined : /dev (\S+)/.exec(line)?.[1];
}

/** Frames to the group addresses of bridges are forwarded to nobody; still the bridge may learn who sends them. */
async function claimVictimToTheBridge(): Promise<void> {
  // The attacks before have left their traces in the watcher.
  await members.watcher.exec('ip', 'neigh', 'flush', 'dev', 'eth0');
  await members.victim.exec('sh', '-c', askNewly(ipv4.watcher));
  await arrives({
    act: ping(ipv4.watcher),
    forge: `icmp type echo-request ether daddr set 01:80:c2:00:00:00 ether saddr set ${macs.victim}`,
    arriving: 'ether daddr 01:80:c2:00:00:00',
  });
}

function inOrder(resource: FirewallResource): string {
  return formatResource(resource).replace(/[^ ]*$/, (list) => list.split(',').sort().join());
}

describe.each(['free', 'guarded'] as const)('%s, a container', (state) => {
  const can = state === 'free' ? 'can' : 'can’t';

  beforeAll(async () => {
    if (state === 'guarded') await firewall.apply({ remove: [], add: [rules, ...guards] });
  });

  it.each(Object.entries(attacks))(`${can} claim %s`, async (_, frames) => {
    expect(await arrives(frames)).toBe(state === 'free');
  });

  it(`${can} draw the frames of a neighbour to itself`, async () => {
    await claimVictimToTheBridge();
    expect(await portOfVictim()).toBe(state === 'free' ? 'tsv-mallory' : 'tsv-victim');
  });

  it.each(Object.entries(honest))('may send %s', async (_, frames) => {
    expect(await arrives(frames)).toBe(true);
  });

  it('may join groups', async () => {
    const groups = ['224.1.2.3/32', 'ff05::1:2/128'];
    for (const group of groups)
      await members.mallory.exec('ip', 'address', 'add', group, 'dev', 'eth0', 'autojoin');
    await new Promise((resolve) => setTimeout(resolve, 100));
    const { stdout } = await host.exec('bridge', 'mdb', 'show');
    expect(stdout).toMatch(/port tsv-mallory grp 224\.1\.2\.3/);
    expect(stdout).toMatch(/port tsv-mallory grp ff05::1:2/);
    for (const group of groups) await members.mallory.exec('ip', 'address', 'del', group, 'dev', 'eth0');
    for (const group of ['224.1.2.3', 'ff05::1:2'])
      await host
        .exec('bridge', 'mdb', 'del', 'dev', 'tsb-g', 'port', 'tsv-mallory', 'grp', group)
        .catch(() => undefined);
  });

  it.each(['10.1.0.1', 'fd00:1::1'])('reaches the host at %s', async (address) => {
    await expect(members.mallory.exec('sh', '-c', askNewly(address))).resolves.toBeDefined();
  });
});

it('is free again when its guard goes, and the table goes with the last network', async () => {
  const [mallory, ...others] = guards;
  if (mallory === undefined) throw new Error('no guard');
  const frames = attacks['the IPv4 address of a neighbour'] ?? { act: '', arriving: '' };
  await firewall.apply({ remove: [mallory], add: [] });
  expect(await arrives(frames)).toBe(true);
  expect(await firewall.observe(guards)).toEqual(others);
  const all = (await firewall.observeAll()).filter(({ kind }) => kind === 'source-guard');
  expect(all.map(inOrder).sort()).toEqual(others.map(inOrder).sort());
  await firewall.apply({ remove: [rules, ...others], add: [] });
  expect((await host.exec('nft', 'list', 'tables', 'bridge')).stdout).toBe('');
});
