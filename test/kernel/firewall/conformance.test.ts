import { lockDirectory } from '../../support/lock-directory.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFirewall, type Firewall, type FirewallResource } from '../../../src/firewall/index.ts';
import { parseIfName, parseIp } from '../../../src/model/index.ts';
import { etherTypes, ethernet, forPrintf, ipv4, udp } from '../../support/frames.ts';
import type { Netns } from '../../support/netns.ts';
import { createLab, type Lab, type Member } from './lab.ts';
import { network, openPort, port } from './resources.ts';

const a = network('tsb-a', ['10.1.0.0/24', 'fd00:1::/64']);
const b = network('tsb-b', ['10.2.0.0/24', 'fd00:2::/64']);
const a1 = '10.1.0.2';
const a2 = '10.1.0.3';

const ports = [
  port('tcp', 8080, a1),
  port('udp', 8080, a1),
  port('tcp', 8080, 'fd00:1::2'),
  port('udp', 8080, 'fd00:1::2'),
  port('tcp', 8081, a2, '192.0.2.9'),
  port('tcp', 8082, a1),
  port('tcp', 8082, a2, '192.0.2.9'),
  port('tcp', 8083, a1, '127.0.0.1'),
  port('tcp', 8084, 'fd00:1::3', '2001:db8::1'),
];

type Answer = readonly [from: Member, protocol: 'tcp' | 'udp', address: string, port: number, answer: string];

// What the guard against flushes forbids must be forbidden anyway, in every mode of a network.
describe.each([
  ['nftables', 'no guard'],
  ['iptables-nft', 'no guard'],
  ['iptables-legacy', 'no guard'],
  ['nftables', 'a guard'],
  ['iptables-legacy', 'a guard'],
] as const)('%s and %s against flushes', (backend, guard) => {
  let lab: Lab;
  let firewall: Firewall;
  let present: readonly FirewallResource[] = [];

  /** Leads from what the test before left to exactly these resources. */
  async function hold(resources: readonly FirewallResource[]): Promise<void> {
    await firewall.apply({ remove: present, add: resources });
    present = resources;
  }

  /** Asks all questions at once, because one that stays without answer takes its time. */
  async function expectAnswers(...expected: readonly Answer[]): Promise<void> {
    const asked = expected.map(async ([from, protocol, address, portNumber]): Promise<Answer> => [
      from,
      protocol,
      address,
      portNumber,
      await lab.ask(from, protocol, address, portNumber),
    ]);
    expect(await Promise.all(asked)).toEqual(expected);
  }

  async function canPing(from: Member, address: string): Promise<boolean> {
    return await lab.members[from].exec('ping', '-c', '1', '-W', '0.3', address).then(
      () => true,
      () => false,
    );
  }

  async function setBridgeNetfilter(value: 0 | 1): Promise<void> {
    await lab.host.exec(
      'sh',
      '-ec',
      `for name in iptables ip6tables; do echo ${value} >/proc/sys/net/bridge/bridge-nf-call-$name; done`,
    );
  }

  beforeAll(async () => {
    lab = await createLab();
    firewall = await openFirewall({ backend, netns: lab.host.path, lockDirectory });
    expect(await firewall.prepare()).toEqual([]);
    if (guard === 'a guard') firewall.holdGuard([]);
    await hold([a, b, ...ports]);
  });

  afterAll(async () => {
    firewall[Symbol.dispose]();
    await lab[Symbol.asyncDispose]();
  });

  it('tells what it is', () => {
    expect(firewall.backend).toBe(backend);
  });

  // With br_netfilter bridged frames pass the same hooks, some of them with other interfaces.
  describe.each([0, 1] as const)('with bridge-nf-call-iptables=%i', (bridgeNetfilter) => {
    beforeAll(async () => {
      await setBridgeNetfilter(bridgeNetfilter);
    });

    it.each([
      ['tcp', '192.0.2.1', 'a1 192.0.2.2'],
      ['tcp', '192.0.2.9', 'a1 192.0.2.2'],
      ['udp', '192.0.2.1', 'a1 192.0.2.2'],
      ['tcp', '2001:db8::1', 'a1 2001:db8::2'],
      ['udp', '2001:db8::1', 'a1 2001:db8::2'],
    ] as const)(
      'a neighbour reaches a published %s port on %s and is seen',
      async (protocol, host, answer) => {
        expect(await lab.ask('lan', protocol, host, 8080)).toBe(answer);
      },
    );

    it.each([
      ['tcp', '192.0.2.1', 'a1 192.0.2.1'],
      ['udp', '192.0.2.1', 'a1 192.0.2.1'],
      ['tcp', '127.0.0.1', 'a1 10.1.0.1'],
      ['udp', '127.0.0.1', 'a1 10.1.0.1'],
      ['tcp', '2001:db8::1', 'a1 2001:db8::1'],
      ['udp', '2001:db8::1', 'a1 2001:db8::1'],
    ] as const)('the host reaches a published %s port on %s', async (protocol, host, answer) => {
      expect(await lab.ask('host', protocol, host, 8080)).toBe(answer);
    });

    it('the host is refused at once on ::1, for clients that try it first', async () => {
      expect(await lab.ask('host', 'tcp', '::1', 8080)).toBe('ECONNREFUSED');
    });

    it.each([
      ['b1', 'tcp', '192.0.2.1', 'a1 10.1.0.1'],
      ['b1', 'udp', '192.0.2.1', 'a1 10.1.0.1'],
      ['b1', 'tcp', '2001:db8::1', 'a1 fd00:1::1'],
      ['b1', 'tcp', '10.2.0.1', 'a1 10.1.0.1'],
      ['a2', 'tcp', '192.0.2.1', 'a1 10.1.0.1'],
      ['a2', 'tcp', '2001:db8::1', 'a1 fd00:1::1'],
      ['a1', 'tcp', '192.0.2.1', 'a1 10.1.0.1'],
      ['a1', 'udp', '192.0.2.1', 'a1 10.1.0.1'],
      ['a1', 'tcp', '2001:db8::1', 'a1 fd00:1::1'],
      ['a1', 'tcp', '10.1.0.1', 'a1 10.1.0.1'],
    ] as const)('container %s reaches a published %s port on %s', async (from, protocol, host, answer) => {
      expect(await lab.ask(from, protocol, host, 8080)).toBe(answer);
    });

    it('a port of one host address answers there only, and wins over that of all', async () => {
      await expectAnswers(
        ['lan', 'tcp', '192.0.2.9', 8081, 'a2 192.0.2.2'],
        ['lan', 'tcp', '192.0.2.1', 8081, 'ECONNREFUSED'],
        ['lan', 'tcp', '192.0.2.9', 8082, 'a2 192.0.2.2'],
        ['lan', 'tcp', '192.0.2.1', 8082, 'a1 192.0.2.2'],
        ['lan', 'tcp', '2001:db8::1', 8084, 'a2 2001:db8::2'],
      );
    });

    it('a port of 127.0.0.1 answers the host only', async () => {
      await expectAnswers(
        ['host', 'tcp', '127.0.0.1', 8083, 'a1 10.1.0.1'],
        ['host', 'tcp', '192.0.2.1', 8083, 'ECONNREFUSED'],
        ['lan', 'tcp', '192.0.2.1', 8083, 'ECONNREFUSED'],
        ['a2', 'tcp', '10.1.0.1', 8083, 'ECONNREFUSED'],
      );
    });

    it('connections that leave get the address of the host', async () => {
      await expectAnswers(
        ['a1', 'tcp', '192.0.2.2', 80, 'lan 192.0.2.1'],
        ['a1', 'udp', '192.0.2.2', 80, 'lan 192.0.2.1'],
        ['a1', 'tcp', '2001:db8::2', 80, 'lan 2001:db8::1'],
      );
    });

    it('a neighbour with a route reaches nothing that is not published', async () => {
      await expectAnswers(
        ['lan', 'tcp', a1, 80, 'timeout'],
        ['lan', 'udp', a1, 80, 'timeout'],
        ['lan', 'tcp', 'fd00:1::2', 80, 'timeout'],
      );
    });

    it('networks are separate, but not from the host', async () => {
      await expectAnswers(
        ['b1', 'tcp', a1, 80, 'timeout'],
        ['b1', 'udp', a1, 80, 'timeout'],
        ['a1', 'tcp', 'fd00:2::2', 80, 'timeout'],
        ['host', 'tcp', a1, 80, 'a1 10.1.0.1'],
        ['b1', 'tcp', '10.2.0.1', 80, 'host 10.2.0.2'],
      );
    });

    it('containers of one network see each other as they are', async () => {
      await expectAnswers(
        ['a1', 'tcp', a2, 80, 'a2 10.1.0.2'],
        ['a1', 'udp', a2, 80, 'a2 10.1.0.2'],
        ['a1', 'tcp', 'fd00:1::3', 80, 'a2 fd00:1::2'],
      );
    });

    it('packets that a container forges for 127.0.0.1 don’t reach the host', async () => {
      const forge = ['sh', '-ec', forgeLoopback('10.1.0.1')] as const;
      const restore = ['sh', '-ec', restoreLoopback] as const;
      await lab.members.a2.exec(...forge);
      try {
        await expectAnswers(
          ['a2', 'tcp', '127.0.0.1', 80, 'timeout'],
          ['a2', 'tcp', '127.0.0.1', 8083, 'timeout'],
        );
      } finally {
        await lab.members.a2.exec(...restore);
      }
    });

    it('datagrams in the name of the loopback network don’t reach a service of the host', async () => {
      await lab.host.exec('sh', '-ec', 'echo 0 | tee /proc/sys/net/ipv4/conf/*/rp_filter');
      const macOf = async (space: Netns, link: string) =>
        /ether (\S+)/.exec((await space.exec('ip', 'link', 'show', link)).stdout)?.[1] ?? '';
      const [to, from] = [await macOf(lab.host, 'tsb-a'), await macOf(lab.members.a2, 'eth0')];
      const received = async () =>
        Number(
          /UdpInDatagrams\s+(\d+)/.exec((await lab.host.exec('nstat', '-asz', 'UdpInDatagrams')).stdout)?.[1],
        );
      const heard = async (source: string): Promise<number> => {
        const before = await received();
        const packet = ipv4(source, '10.1.0.1', 17, udp(9, 80, '?'));
        const frame = forPrintf(ethernet(to, from, etherTypes.ipv4, packet));
        await lab.members.a2.exec('sh', '-c', `printf '${frame}' | socat -u - INTERFACE:eth0; sleep 0.1`);
        return (await received()) - before;
      };
      expect(await heard('10.1.0.3')).toBe(1);
      expect(await heard('127.0.0.2')).toBe(0);
    });

    it('packets that a neighbour forges for 127.0.0.1 don’t reach a port published there', async () => {
      await lab.members.lan.exec('sh', '-ec', forgeLoopback('192.0.2.1'));
      try {
        expect(await lab.ask('lan', 'tcp', '127.0.0.1', 8083)).toBe('timeout');
      } finally {
        await lab.members.lan.exec('sh', '-ec', restoreLoopback);
      }
    });

    it('an internal network is closed both ways, and keeps its host', async () => {
      const internal = { ...b, isInternal: true };
      await hold([a, internal, ...ports, port('tcp', 8090, '10.2.0.2')]);
      await expectAnswers(
        ['b1', 'tcp', '192.0.2.2', 80, 'timeout'],
        ['b1', 'tcp', '2001:db8::2', 80, 'timeout'],
        ['b1', 'tcp', '192.0.2.1', 8080, 'timeout'],
        ['lan', 'tcp', '192.0.2.1', 8090, 'timeout'],
        ['lan', 'tcp', '10.2.0.2', 80, 'timeout'],
        ['host', 'tcp', '10.2.0.2', 80, 'b1 10.2.0.1'],
      );
      await hold([a, b, ...ports]);
      expect(await lab.ask('b1', 'tcp', '192.0.2.2', 80)).toBe('lan 192.0.2.1');
    });

    it('a routed network answers at its own addresses, but only published ports and echo requests', async () => {
      const open = [openPort('tcp', 'tsb-a', a1), openPort('udp', 'tsb-a', 'fd00:1::2')];
      expect(await canPing('lan', a1)).toBe(false);
      await hold([{ ...a, routed: [4, 6] }, b, ...open]);
      await expectAnswers(
        ['lan', 'tcp', a1, 80, 'a1 192.0.2.2'],
        ['lan', 'udp', a1, 80, 'timeout'],
        ['lan', 'udp', 'fd00:1::2', 80, 'a1 2001:db8::2'],
        ['lan', 'tcp', 'fd00:1::2', 80, 'timeout'],
        ['lan', 'tcp', a2, 80, 'timeout'],
        ['b1', 'tcp', a1, 80, 'a1 10.1.0.1'],
        ['b1', 'tcp', a2, 80, 'timeout'],
        ['a2', 'tcp', a1, 80, 'a1 10.1.0.3'],
        ['host', 'tcp', a1, 80, 'a1 10.1.0.1'],
        ['a1', 'tcp', '192.0.2.2', 80, 'lan 10.1.0.2'],
        ['a1', 'tcp', '2001:db8::2', 80, 'lan fd00:1::2'],
        ['a1', 'tcp', '10.2.0.2', 80, 'timeout'],
      );
      for (const address of [a1, a2, 'fd00:1::2']) expect(await canPing('lan', address)).toBe(true);
      expect(await canPing('lan', '10.2.0.2')).toBe(false);
      expect(sorted(await firewall.observeAll())).toEqual(sorted(present));
      await hold([{ ...a, routed: [4, 6] }, b]);
      expect(await lab.ask('lan', 'tcp', a1, 80)).toBe('timeout');
      await hold([a, b, ...ports]);
      expect(await canPing('lan', a1)).toBe(false);
    });

    it('a network may be routed in one family and translated in the other', async () => {
      const open = [openPort('tcp', 'tsb-a', 'fd00:1::2')];
      await hold([{ ...a, routed: [6] }, b, ...open, port('tcp', 8080, a1)]);
      await expectAnswers(
        ['lan', 'tcp', 'fd00:1::2', 80, 'a1 2001:db8::2'],
        ['a1', 'tcp', '2001:db8::2', 80, 'lan fd00:1::2'],
        ['lan', 'tcp', a1, 80, 'timeout'],
        ['lan', 'tcp', '192.0.2.1', 8080, 'a1 192.0.2.2'],
        ['a1', 'tcp', '192.0.2.2', 80, 'lan 192.0.2.1'],
      );
      expect(sorted(await firewall.observeAll())).toEqual(sorted(present));
      await hold([a, b, ...ports]);
    });

    it('an unprotected network answers on every port at its own addresses, and is translated as well', async () => {
      await hold([{ ...a, unprotected: [4] }, b, ...ports]);
      await expectAnswers(
        ['lan', 'tcp', a1, 80, 'a1 192.0.2.2'],
        ['lan', 'udp', a2, 80, 'a2 192.0.2.2'],
        ['b1', 'tcp', a2, 80, 'a2 10.1.0.1'],
        ['lan', 'tcp', 'fd00:1::2', 80, 'timeout'],
        ['lan', 'tcp', '192.0.2.1', 8080, 'a1 192.0.2.2'],
        ['a1', 'tcp', '192.0.2.2', 80, 'lan 192.0.2.1'],
      );
      expect(sorted(await firewall.observeAll())).toEqual(sorted(present));
      await hold([a, b, ...ports]);
    });

    it('a trusted interface leads to published ports at their own addresses, and nothing else does', async () => {
      const trusting = { ...a, trustedInterfaces: [parseIfName('eth0'), parseIfName('eth7')] };
      const open = [openPort('tcp', 'tsb-a', a1), openPort('tcp', 'tsb-a', 'fd00:1::2')];
      await hold([trusting, b, ...ports, ...open]);
      await expectAnswers(
        ['lan', 'tcp', a1, 80, 'a1 192.0.2.2'],
        ['lan', 'tcp', 'fd00:1::2', 80, 'a1 2001:db8::2'],
        ['lan', 'udp', a1, 80, 'timeout'],
        ['lan', 'tcp', a2, 80, 'timeout'],
        ['b1', 'tcp', a1, 80, 'timeout'],
        ['a1', 'tcp', '192.0.2.2', 80, 'lan 192.0.2.1'],
        ['lan', 'tcp', '192.0.2.1', 8080, 'a1 192.0.2.2'],
      );
      expect(await canPing('lan', a1)).toBe(false);
      expect(sorted(await firewall.observeAll())).toEqual(sorted(present));
      await hold([{ ...a, trustedInterfaces: [parseIfName('eth7')] }, b, ...ports, ...open]);
      expect(await lab.ask('lan', 'tcp', a1, 80)).toBe('timeout');
      await hold([a, b, ...ports]);
    });

    it('connections leave with the addresses that the user chose', async () => {
      const sources = [parseIp('192.0.2.9'), parseIp('2001:db8::9')];
      await hold([{ ...a, hostSources: sources }, b, ...ports]);
      await expectAnswers(
        ['a1', 'tcp', '192.0.2.2', 80, 'lan 192.0.2.9'],
        ['a1', 'udp', '192.0.2.2', 80, 'lan 192.0.2.9'],
        ['a1', 'tcp', '2001:db8::2', 80, 'lan 2001:db8::9'],
        ['b1', 'tcp', '192.0.2.2', 80, 'lan 192.0.2.1'],
        ['lan', 'tcp', '192.0.2.1', 8080, 'a1 192.0.2.2'],
        ['a1', 'tcp', '192.0.2.1', 8080, 'a1 10.1.0.1'],
        ['host', 'tcp', '127.0.0.1', 8080, 'a1 10.1.0.1'],
      );
      expect(sorted(await firewall.observeAll())).toEqual(sorted(present));
      await hold([{ ...a, hostSources: sources.slice(0, 1) }, b, ...ports]);
      await expectAnswers(
        ['a1', 'tcp', '192.0.2.2', 80, 'lan 192.0.2.9'],
        ['a1', 'tcp', '2001:db8::2', 80, 'lan 2001:db8::1'],
      );
      await hold([a, b, ...ports]);
    });

    it('without icc an open port is closed to neighbours that come by way of the host', async () => {
      const open = [openPort('tcp', 'tsb-a', a1)];
      const byHost = ['10.1.0.2/32', 'via', '10.1.0.1', 'dev', 'eth0'];
      await lab.members.a2.exec('ip', 'route', 'add', ...byHost);
      try {
        await hold([{ ...a, routed: [4] }, b, ...open]);
        expect(await lab.ask('a2', 'tcp', a1, 80)).toBe('a1 10.1.0.3');
        await hold([{ ...a, routed: [4], allowsIcc: false }, b, ...open]);
        await expectAnswers(['a2', 'tcp', a1, 80, 'timeout'], ['lan', 'tcp', a1, 80, 'a1 192.0.2.2']);
        await hold([{ ...a, unprotected: [4], allowsIcc: false }, b]);
        await expectAnswers(['a2', 'tcp', a1, 80, 'timeout'], ['lan', 'tcp', a1, 80, 'a1 192.0.2.2']);
      } finally {
        await lab.members.a2.exec('ip', 'route', 'del', ...byHost);
        await lab.members.a2.exec('ip', 'route', 'flush', 'cache');
      }
      await hold([a, b, ...ports]);
    });

    it('a network that does not masquerade shows its addresses', async () => {
      await hold([{ ...a, masquerades: false }, b, ...ports]);
      await expectAnswers(
        ['a1', 'tcp', '192.0.2.2', 80, 'lan 10.1.0.2'],
        ['a1', 'tcp', '2001:db8::2', 80, 'lan fd00:1::2'],
        ['a1', 'tcp', '192.0.2.1', 8080, 'a1 10.1.0.1'],
      );
      await hold([a, b, ...ports]);
    });
  });

  it('without icc containers reach each other through published ports only', async () => {
    await setBridgeNetfilter(1);
    await hold([{ ...a, allowsIcc: false }, b, ...ports]);
    await expectAnswers(['a1', 'tcp', a2, 80, 'timeout'], ['a1', 'udp', a2, 80, 'timeout']);
    expect(await lab.ask('a1', 'tcp', 'fd00:1::3', 80)).toMatch(/timeout|EHOSTUNREACH/);
    await expectAnswers(
      ['a2', 'tcp', '192.0.2.1', 8080, 'a1 10.1.0.1'],
      ['a1', 'tcp', '192.0.2.1', 8080, 'a1 10.1.0.1'],
      ['a1', 'tcp', '192.0.2.2', 80, 'lan 192.0.2.1'],
      ['a1', 'tcp', '10.1.0.1', 80, 'host 10.1.0.2'],
    );
    await hold([a, b, ...ports]);
    expect(await lab.ask('a1', 'tcp', a2, 80)).toBe('a2 10.1.0.2');
  });

  it('passes a DROP policy of FORWARD in both flavours, behind the rules of the user', async () => {
    for (const program of ['iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy']) {
      await lab.host.exec(program, '-P', 'FORWARD', 'DROP');
      await lab.host.exec(program, '-N', 'DOCKER-USER');
      await lab.host.exec(program, '-I', 'FORWARD', '-j', 'DOCKER-USER');
    }
    expect(await firewall.prepare()).toEqual([]);
    await expectAnswers(
      ['lan', 'tcp', '192.0.2.1', 8080, 'a1 192.0.2.2'],
      ['lan', 'tcp', '2001:db8::1', 8080, 'a1 2001:db8::2'],
      ['a1', 'tcp', '192.0.2.2', 80, 'lan 192.0.2.1'],
      ['a1', 'tcp', a2, 80, 'a2 10.1.0.2'],
      ['lan', 'tcp', a1, 80, 'timeout'],
    );
    await lab.host.exec('iptables-nft', '-A', 'DOCKER-USER', '-s', '192.0.2.2', '-j', 'DROP');
    expect(await lab.ask('lan', 'tcp', '192.0.2.1', 8080)).toBe('timeout');
    await lab.host.exec('iptables-nft', '-F', 'DOCKER-USER');
  });

  it('tells what is there, all of it or what is wanted', async () => {
    expect(sorted(await firewall.observeAll())).toEqual(sorted([a, b, ...ports]));
    const other = port('tcp', 8080, a2);
    const absent = port('tcp', 9999, a2);
    const gone = network('tsb-c', ['10.3.0.0/24']);
    expect(sorted(await firewall.observe([a, other, absent, gone]))).toEqual(
      sorted([a, port('tcp', 8080, a1)]),
    );
    expect(await firewall.observe([])).toEqual([]);
  });

  it('takes what is already so for success', async () => {
    await firewall.apply({ remove: [port('tcp', 9999, a1), network('tsb-c', [])], add: [a, ...ports] });
    await firewall.apply({ remove: [port('tcp', 8080, a2)], add: [] });
    expect(await firewall.observeAll()).toHaveLength(2 + ports.length);
    expect(await lab.ask('lan', 'tcp', '192.0.2.1', 8080)).toBe('a1 192.0.2.2');
  });

  it('changes nothing when one part of a change is in conflict', async () => {
    const before = await firewall.observeAll();
    const change = {
      remove: [port('udp', 8080, a1)],
      add: [port('tcp', 9090, a1), port('tcp', 8080, a2)],
    };
    await expect(firewall.apply(change)).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining('10.1.0.2:80') as unknown,
    });
    await expect(
      firewall.apply({ remove: [], add: [{ ...a, owner: 'network:stranger' }] }),
    ).rejects.toMatchObject({ kind: 'conflict' });
    expect(await firewall.observeAll()).toEqual(before);
    expect(await lab.ask('lan', 'udp', '192.0.2.1', 8080)).toBe('a1 192.0.2.2');
  });

  it('moves a port in one step', async () => {
    await firewall.apply({ remove: [port('tcp', 8080, a1)], add: [port('tcp', 8080, a2)] });
    expect(await lab.ask('lan', 'tcp', '192.0.2.1', 8080)).toBe('a2 192.0.2.2');
    await firewall.apply({ remove: [port('tcp', 8080, a2)], add: [port('tcp', 8080, a1)] });
  });

  it('keeps the table of guards as long as a network wants it, and notices its loss', async () => {
    const tables = async () => (await lab.host.exec('nft', 'list', 'tables', 'bridge')).stdout;
    const guarded = { ...a, antispoofs: true } as const;
    await hold([guarded, b, ...ports]);
    expect(await tables()).toBe('table bridge tsnet\n');
    expect(sorted(await firewall.observe([guarded, b]))).toEqual(sorted([guarded, b]));
    expect(sorted(await firewall.observeAll())).toEqual(sorted(present));
    await lab.host.exec('nft', 'delete', 'table', 'bridge', 'tsnet');
    expect(sorted(await firewall.observe([guarded, b]))).toEqual(sorted([a, b]));
    await hold([guarded, { ...b, antispoofs: true }, ...ports]);
    expect(sorted(await firewall.observeAll())).toEqual(sorted(present));
    await hold([a, { ...b, antispoofs: true }, ...ports]);
    expect(await tables()).toBe('table bridge tsnet\n');
    await hold([a, b, ...ports]);
    expect(await tables()).toBe('');
  });

  it('accepts bridges with names of their own', async () => {
    const own = network('lan7', ['10.7.0.0/24']);
    await hold([...present, own]);
    const { stdout } = await lab.host.exec('iptables-nft-save', '-t', 'filter');
    expect(stdout).toContain('-A TSNET-FORWARD -o lan7 -j ACCEPT\n');
    await hold(present.filter((resource) => resource !== own));
    expect((await lab.host.exec('iptables-nft-save', '-t', 'filter')).stdout).not.toContain('lan7');
  });

  it('may be prepared again and again, and repairs what was taken away', async () => {
    const rules = async () => {
      const list = 'nft -s list ruleset; iptables-legacy-save; ip6tables-legacy-save';
      const { stdout } = await lab.host.exec('sh', '-c', list);
      // Without counters and dates; tables and elements are listed in the order in which they were made.
      return stdout
        .replaceAll(/elements = \{|,$|\}$/gm, '')
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => !/^[#:]/.test(line))
        .sort();
    };
    await firewall.prepare();
    const before = await rules();
    await firewall.prepare();
    expect(await rules()).toEqual(before);
    await lab.host.exec(
      'sh',
      '-ec',
      `for program in iptables-nft ip6tables-nft iptables-legacy; do $program -D FORWARD -j TSNET-FORWARD; done
       ${damage[backend]}`,
    );
    expect(await rules()).not.toEqual(before);
    await firewall.prepare();
    expect(await rules()).toEqual(before);
  });

  it('leaves nothing behind', async () => {
    await firewall.remove();
    const { stdout } = await lab.host.exec(
      'sh',
      '-c',
      'nft list ruleset; iptables-legacy-save; ip6tables-legacy-save',
    );
    expect(stdout).not.toMatch(/tsnet/i);
    expect(await firewall.observeAll()).toEqual([]);
    // What was blocked above passes now, so it was the firewall that had blocked it.
    for (const program of ['iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy']) {
      await lab.host.exec(program, '-P', 'FORWARD', 'ACCEPT');
    }
    await expectAnswers(['lan', 'tcp', a1, 80, 'a1 192.0.2.2'], ['b1', 'tcp', a1, 80, 'a1 10.2.0.2']);
    await lab.members.a2.exec('sh', '-ec', forgeLoopback('10.1.0.1'));
    expect(await lab.ask('a2', 'tcp', '127.0.0.1', 80)).toBe('host 10.1.0.3');
  });
});

/** Resources in an order and with an order of fields that don't matter. */
function sorted(resources: readonly FirewallResource[]): string[] {
  return resources
    .map((resource) =>
      JSON.stringify(
        Object.entries(resource)
          .map(([name, value]): [string, unknown] => [
            name,
            Array.isArray(value) ? value.map(String).sort() : value,
          ])
          .sort(([one], [other]) => (one < other ? -1 : 1)),
      ),
    )
    .sort();
}

/** What somebody may do to our rules. */
const damage = {
  nftables: 'nft flush chain inet tsnet forward',
  'iptables-nft':
    'iptables-nft -t nat -F OUTPUT; iptables-nft -t mangle -D TSNET-FILTER -i tsb-a -o tsb-a -m comment --comment "network:tsb-a icc masquerade" -j RETURN',
  'iptables-legacy': 'iptables-legacy -t nat -F OUTPUT; iptables-legacy -t raw -F',
};

/** Makes a member send what is for 127.0.0.1 to `gateway`. */
function forgeLoopback(gateway: string): string {
  return `echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet
    ip route del table local local 127.0.0.0/8 dev lo
    ip route del table local local 127.0.0.1 dev lo
    ip route add 127.0.0.0/8 via ${gateway} dev eth0`;
}

const restoreLoopback = `ip route del 127.0.0.0/8 dev eth0
    ip route add table local local 127.0.0.0/8 dev lo
    ip route add table local local 127.0.0.1 dev lo
    echo 0 >/proc/sys/net/ipv4/conf/eth0/route_localnet`;
