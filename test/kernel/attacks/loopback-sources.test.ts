import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ethernet, etherTypes, icmpRedirect, icmpv6, ipv4, udp } from '../../support/frames.ts';
import { createSite, settle, type Container, type Site } from './site.ts';

// A host that checks no source, with a service that answers whom it takes for itself.
const trusting = `for name in all default; do echo 0 >/proc/sys/net/ipv4/conf/$name/rp_filter; done`;

describe.each(['nftables', 'iptables'] as const)('with %s', (firewall) => {
  let site: Site;
  let mallory: Container;
  let heard = '';
  let stop: () => Promise<void>;

  beforeAll(async () => {
    const ports = [{ Proto: 17, IP: '', Port: 53, HostIP: '', HostPort: 5353, HostPortEnd: 5353 }];
    site = await createSite({ firewall, ports, before: trusting });
    const [first] = site.containers;
    if (first === undefined) throw new Error('no container');
    mallory = first;
    const child = spawn('nsenter', [`--net=${site.host.netns.path}`, 'socat', '-u', 'UDP-RECV:7777', '-']);
    child.stdout.setEncoding('utf8').on('data', (text: string) => (heard += text));
    stop = async () => {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    };
    await settle();
  });
  afterAll(async () => {
    await stop();
    await site[Symbol.asyncDispose]();
  });

  async function hears(source: string, destination: string, place = site.bridgeMac): Promise<string> {
    heard = '';
    const packet = ipv4(source, destination, 17, udp(9, 7777, `from ${source}`));
    await mallory.send(ethernet(place, mallory.mac, etherTypes.ipv4, packet));
    await settle();
    return heard;
  }

  it('a service of the host hears a container in its own name', async () => {
    expect(await hears(mallory.ip, '10.1.0.1')).toBe('from 10.1.0.2');
  });

  it.each([
    ['127.0.0.2', '10.1.0.1'],
    ['127.0.0.1', '10.1.0.1'],
    ['127.0.0.1', '127.0.0.1'],
    ['10.1.0.2', '127.0.0.1'],
  ])('and not in the name of %s at %s', async (source, destination) => {
    expect(await hears(source, destination)).toBe('');
  });

  it.each(['127.0.0.2', '10.1.0.2', '192.0.2.7'])(
    'nor past the bridge, in the name of %s',
    async (source) => {
      expect(await hears(source, '10.1.0.1', '01:80:c2:00:00:03')).toBe('');
    },
  );

  it('nor in the name of ::1', async () => {
    const { stdout } = await site.host.netns.exec('nstat', '-az', 'Icmp6InEchos');
    const ping = icmpv6('::1', 'fe80::42:aff:fe01:1', 128, Buffer.alloc(4));
    await mallory.send(ethernet(site.bridgeMac, mallory.mac, etherTypes.ipv6, ping));
    await settle();
    expect((await site.host.netns.exec('nstat', '-az', 'Icmp6InEchos')).stdout).toBe(stdout);
  });

  it('the host itself reaches a published port at 127.0.0.1 and at its own address', async () => {
    const server = spawn('nsenter', [
      `--net=${mallory.netns.path}`,
      'socat',
      'UDP-RECVFROM:53,fork',
      'EXEC:cat',
    ]);
    const ended = once(server, 'exit');
    await settle();
    try {
      for (const address of ['127.0.0.1', '10.1.0.1'])
        expect(await site.sh(`echo hello | socat -t 0.3 - UDP4:${address}:5353`)).toBe('hello\n');
    } finally {
      server.kill();
      await ended;
    }
  });
});

describe.each(['nftables', 'iptables'] as const)('with %s, on a host that forwards nothing', (firewall) => {
  it.each(['the bridge', 'the port'])('a redirect that comes in at %s changes no route', async (where) => {
    await using site = await createSite({
      firewall,
      isInternal: true,
      containers: 2,
      before: `${trusting}; echo 0 >/proc/sys/net/ipv4/ip_forward
        for name in all default; do echo 1 >/proc/sys/net/ipv4/conf/$name/accept_redirects; done`,
    });
    const [mallory] = site.containers;
    if (mallory === undefined) throw new Error('no container');
    // The host sends by a neighbour in the network, whose name a container takes.
    await site.sh(`ip route add 198.51.100.0/24 via 10.1.0.3 dev ${site.bridge}
      ping -c 1 -W 1 10.1.0.2`);
    // Of an echo reply the kernel believes that it was sent; it asks for a socket with the others.
    const quoted = ipv4('10.1.0.1', '198.51.100.1', 1, Buffer.alloc(8));
    const packet = ipv4('10.1.0.3', '10.1.0.1', 1, icmpRedirect('10.1.0.2', quoted));
    const place = where === 'the bridge' ? site.bridgeMac : '01:80:c2:00:00:03';
    await mallory.send(ethernet(place, mallory.mac, etherTypes.ipv4, packet));
    await settle();
    expect(await site.sh('ip route get 198.51.100.1')).toContain('via 10.1.0.3');
  });
});
