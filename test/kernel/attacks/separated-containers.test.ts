import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recover } from '../../../src/network/index.ts';
import {
  arp,
  ethernet,
  etherTypes,
  icmpv6,
  ipv4,
  neighbourAdvertisement,
  routerAdvertisement,
  tagged,
  udp,
} from '../../support/frames.ts';
import { createSite, settle, type Container, type Site } from './site.ts';

const everybody = 'ff:ff:ff:ff:ff:ff';
const web = { Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: 8080, HostPortEnd: 8080 };
const payload = Buffer.from('hello'.padEnd(46));
const packet = ipv4('10.1.0.2', '10.1.0.3', 17, udp(9, 9, 'hello'));

/** What a container sends to its neighbour, after the addresses: the EtherType and what follows. */
const frames: Readonly<Record<string, (mallory: Container) => readonly [type: number, payload: Buffer]>> = {
  ARP: ({ mac }) => [etherTypes.arp, arp(1, { mac, ip: '10.1.0.2' }, '10.1.0.3')],
  'ARP in the name of the gateway': ({ mac }) => [
    etherTypes.arp,
    arp(2, { mac, ip: '10.1.0.1' }, '10.1.0.3'),
  ],
  VLAN: () => [etherTypes.vlan, tagged(7, etherTypes.ipv4, packet)],
  'priority tags': () => [etherTypes.vlan, tagged(0, etherTypes.ipv4, packet)],
  QinQ: () => [etherTypes.qinq, tagged(7, etherTypes.vlan, tagged(8, etherTypes.ipv4, packet))],
  'PPPoE discovery': () => [etherTypes.pppoeDiscovery, payload],
  'PPPoE session': () => [etherTypes.pppoeSession, payload],
  'a protocol for experiments': () => [etherTypes.local, payload],
  'LLC, by length': () => [46, payload],
  IPv4: () => [etherTypes.ipv4, packet],
  'a router advertisement': ({ mac }) => [
    etherTypes.ipv6,
    icmpv6('fe80::bad:1', 'ff02::1', 134, routerAdvertisement('2001:db8:bad::', mac)),
  ],
  'a neighbour advertisement for the gateway': ({ mac }) => [
    etherTypes.ipv6,
    icmpv6('fd00:1::1', 'ff02::1', 136, neighbourAdvertisement('fd00:1::1', mac)),
  ],
  'an echo request over IPv6': () => [
    etherTypes.ipv6,
    icmpv6('fd00:1::2', 'fd00:1::3', 128, Buffer.alloc(4)),
  ],
};

const hosts = [
  ['nftables', 1],
  ['nftables', 0],
  ['iptables', 1],
] as const;

describe.each(hosts)('without icc, with %s and bridge-nf-call-iptables=%i', (firewall, bridgeNetfilter) => {
  let site: Site;
  let mallory: Container;
  let victim: Container;

  beforeAll(async () => {
    site = await createSite({
      firewall,
      options: { icc: 'false' },
      hasIpv6: true,
      containers: 2,
      ports: [web],
      before: `for name in iptables ip6tables; do echo ${bridgeNetfilter} >/proc/sys/net/bridge/bridge-nf-call-$name; done`,
    });
    [mallory, victim] = site.containers as [Container, Container];
    await victim.netns.exec(
      'nft',
      `add table netdev watch; add chain netdev watch in { type filter hook ingress device eth0 priority -500; };
       add rule netdev watch in ether saddr ${mallory.mac} counter`,
    );
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  /** How many frames of the one have come to the other. */
  async function arrived(): Promise<number> {
    const { stdout } = await victim.netns.exec('nft', 'list', 'table', 'netdev', 'watch');
    return Number(/counter packets (\d+)/.exec(stdout)?.[1]);
  }

  describe.each(['its neighbour', 'everybody'])('to %s', (to) => {
    it.each(Object.entries(frames))('%s does not pass', async (_, frameOf) => {
      const before = await arrived();
      const destination = to === 'everybody' ? everybody : victim.mac;
      await mallory.send(ethernet(destination, mallory.mac, ...frameOf(mallory)));
      await settle();
      expect((await arrived()) - before).toBe(0);
    });
  });

  it('each reaches the gateway, by ARP and neighbour discovery', async () => {
    for (const { netns } of [mallory, victim])
      for (const gateway of ['10.1.0.1', 'fd00:1::1'])
        await netns.exec('sh', '-ec', `ip neigh flush dev eth0; ping -c 1 -W 1 ${gateway}`);
  });

  it.each(['10.1.0.1:8080', '[fd00:1::1]:8080'])(
    'a port published at %s answers its neighbour',
    async (at) => {
      await expect(askedBy(victim, at)).resolves.toContain('hello');
    },
  );

  it.each(['10.1.0.2:80', '[fd00:1::2]:80'])(
    'a port at %s, the container’s own address, does not',
    async (at) => {
      await expect(askedBy(victim, at)).rejects.toThrow();
    },
  );

  /** Mallory serves on port 80 while another asks. */
  async function askedBy(container: Container, authority: string): Promise<string> {
    const family = authority.startsWith('[') ? 6 : 4;
    const served = mallory.netns
      .exec('timeout', '1.5', 'socat', `TCP${family}-LISTEN:80,reuseaddr,fork`, 'SYSTEM:echo hello')
      .catch(() => undefined);
    await settle();
    try {
      return (await container.netns.exec('timeout', '1', 'socat', '-u', `TCP${family}:${authority}`, '-'))
        .stdout;
    } finally {
      await served;
    }
  }

  it('what somebody flushed is put back, and passes no more', async () => {
    await site.sh('nft flush ruleset');
    await recover(site.host.context);
    expect(await recover(site.host.context)).toEqual([]);
    const before = await arrived();
    for (const frameOf of Object.values(frames))
      await mallory.send(ethernet(victim.mac, mallory.mac, ...frameOf(mallory)));
    await settle();
    expect((await arrived()) - before).toBe(0);
  });
});

it('with icc they all pass', async () => {
  await using site = await createSite({ containers: 2 });
  const [mallory, victim] = site.containers as [Container, Container];
  await victim.netns.exec(
    'nft',
    `add table netdev watch; add chain netdev watch in { type filter hook ingress device eth0 priority -500; };
     add rule netdev watch in ether saddr ${mallory.mac} ether type != { ip, ip6 } counter`,
  );
  const others = Object.values(frames).filter(
    (frameOf) => frameOf(mallory)[0] !== etherTypes.ipv4 && frameOf(mallory)[0] !== etherTypes.ipv6,
  );
  for (const frameOf of others) await mallory.send(ethernet(victim.mac, mallory.mac, ...frameOf(mallory)));
  await settle();
  const { stdout } = await victim.netns.exec('nft', 'list', 'table', 'netdev', 'watch');
  expect(Number(/counter packets (\d+)/.exec(stdout)?.[1])).toBe(others.length);
});
