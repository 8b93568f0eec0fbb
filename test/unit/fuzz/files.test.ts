import { expect, it } from 'vitest';
import { parseResolvConf } from '../../../src/frontends/cni/resolv-conf.ts';
import { takeInheritedSocket } from '../../../src/frontends/docker/inherited-socket.ts';
import { parseNetnsMounts } from '../../../src/kernel/proc/netns-mounts.ts';
import { parseCgroup } from '../../../src/kernel/proc/processes.ts';
import { parseSkbEvents } from '../../../src/kernel/trace/skb-event.ts';
import type { Endpoint, HostEntry, Network } from '../../../src/model/index.ts';
import { extendHostsFile, formatHostsFile } from '../../../src/run/hosts-file.ts';
import { formatResolvConf } from '../../../src/run/resolv-conf.ts';
import { resolveUser } from '../../../src/run/resolve-user.ts';
import { endpointOf, networkOf, sandboxOf } from '../../support/record-builder.ts';
import { fuzz, fuzzTime, type Fuzzed } from '../../fuzz/fuzz.ts';

const texts: readonly (Omit<Fuzzed, 'form' | 'answer'> & { readonly read: (text: string) => unknown })[] = [
  {
    name: 'resolv-conf',
    inputs: 3_000,
    seeds: [
      '# made\nnameserver 127.0.0.53\nnameserver fe80::1%eth0\nsearch a.example b.example\noptions edns0\n',
    ],
    dictionary: ['nameserver', 'search', 'domain', 'options', '#', ';', '\t'],
    read: (text) => {
      parseResolvConf(text);
      const wishes = { servers: [], searches: [], options: [] };
      for (const line of formatResolvConf(text, wishes, true).split('\n')) {
        expect(line).toMatch(/^(?:|(?:nameserver|search|options) .*)$/);
      }
    },
  },
  {
    name: 'passwd',
    inputs: 3_000,
    seeds: ['root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/var/www:/bin/false\n#x\n\nwheel:x:10:web,root\n'],
    dictionary: ['web', ':', '33', ','],
    read: (text) => {
      const { uid, gid, groups } = resolveUser('web', { passwd: text, group: text });
      // What goes to setresuid(2) and setgroups(2).
      for (const id of [uid, gid, ...groups])
        expect(Number.isInteger(id) && id >= 0 && id < 2 ** 32).toBe(true);
    },
  },
  {
    name: 'mountinfo',
    inputs: 2_000,
    seeds: ['36 35 98:0 net:[4026532405] /run/netns/a\\040b rw,nosuid shared:1 - nsfs nsfs rw\n'],
    dictionary: ['net:[', ']', '- nsfs ', '\\0', '\\777'],
    read: parseNetnsMounts,
  },
  {
    name: 'cgroup',
    inputs: 1_000,
    seeds: ['12:pids:/docker/abc\n1:name=systemd:/x\n0::/system.slice/a.service\n'],
    read: parseCgroup,
  },
  {
    name: 'trace',
    inputs: 3_000,
    seeds: [
      '  curl-1234    [001] b..1.  100.000001: net_dev_start_xmit: dev=eth0 queue_mapping=0 skbaddr=00000000a vlan_tagged=0 protocol=0x0800 ip_summed=3 len=74\n' +
        '  <idle>-0     [000] ..s2.  100.000002: netif_receive_skb: dev=v0 skbaddr=00000000a len=60\n' +
        '  a b-5        [000] ..s2.  100.000003: kfree_skb: skbaddr=00000000a rx_sk=0 protocol=2048 location=nft_do_chain+0x1/0x2 reason: NETFILTER_DROP\n',
    ],
    dictionary: ['skbaddr=', 'len=', 'location=', 'reason: ', '[000]'],
    read: parseSkbEvents,
  },
];

it.each(texts)(
  '$name: any text is read or refused',
  async ({ read, ...rest }) => {
    await fuzz({ ...rest, form: 'text', answer: (bytes) => read(bytes.toString('utf8')) });
  },
  fuzzTime,
);

it(
  'a hosts file has an address and names on each line, whatever records hold',
  async () => {
    const seed = {
      network: networkOf(),
      endpoints: [endpointOf({ id: 'c1', name: 'web' }, { aliases: ['db'] })],
      hosts: [{ ip: '192.0.2.9', name: 'other' }],
      hostname: 'web.example.org',
    };
    await fuzz({
      name: 'hosts',
      form: 'text',
      inputs: 3_000,
      seeds: ['web', 'web.example.org', 'a b', 'x\n127.0.0.1 localhost'],
      answer: (bytes) => {
        const name = bytes.toString('utf8');
        const view = {
          network: (): Network => ({ ...seed.network, name }),
          endpoints: (): Endpoint[] => [endpointOf({ id: 'c1', name }, { aliases: [name, 'db'] })],
        };
        const sandbox = sandboxOf('web', { hostname: name, hosts: [{ ip: '192.0.2.9', name } as HostEntry] });
        for (const file of [formatHostsFile(view, sandbox), extendHostsFile('', sandbox.hosts)]) {
          for (const line of file.split('\n')) {
            expect(line).toMatch(/^(?:|[0-9a-f.:]+\t[A-Za-z0-9_.-]+(?: [A-Za-z0-9_.-]+)*)$/);
          }
        }
      },
    });
  },
  fuzzTime,
);

it(
  'what systemd hands over is one socket, nothing, or refused',
  async () => {
    const outcomes = await fuzz({
      name: 'listen-fds',
      form: 'text',
      inputs: 2_000,
      seeds: ['1', '2', '0'],
      answer: (bytes, random) => {
        const pid = random.once(5) ? bytes.toString('utf8') : String(process.pid);
        const environment = { LISTEN_PID: pid, LISTEN_FDS: bytes.toString('utf8'), LISTEN_FDNAMES: 'x' };
        const found = takeInheritedSocket(environment);
        expect(environment).toEqual({});
        return found === undefined ? 'nothing' : 'socket';
      },
    });
    expect(outcomes.get('invalid-input')).toBeGreaterThan(100);
  },
  fuzzTime,
);
