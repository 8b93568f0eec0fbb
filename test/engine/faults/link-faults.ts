import { testImage } from '../../support/engine.ts';
import { answers, answersLan, hostIp, lanIp } from './rig.ts';
import type { Fault } from './fault.ts';

/** Faults of bridges, links and routes. */
export const linkFaults: readonly Fault[] = [
  {
    id: 'F22',
    title: 'a route takes over the subnet',
    inject: async ({ web, host }) => {
      await web();
      await host('ip', 'route', 'add', '10.66.0.0/25', 'via', lanIp);
      return () => host('ip', 'route', 'del', '10.66.0.0/25').catch(() => undefined);
    },
    ask: ['8088'],
    code: 'route.taken',
    names: [/10\.66\.0\.0\/25/, /uplink0/, /br-app/],
    works: answersLan,
  },
  {
    id: 'F22d',
    title: 'the same, found by the doctor',
    inject: async ({ web, host }) => {
      await web();
      await host('ip', 'route', 'add', '10.66.0.0/25', 'via', lanIp);
      return () => host('ip', 'route', 'del', '10.66.0.0/25').catch(() => undefined);
    },
    code: 'subnet.overlap',
    names: [/10\.66\.0\.0\/25/, /app/],
    works: answersLan,
  },
  {
    id: 'F23',
    title: 'the veth is no port of the bridge',
    inject: async ({ web, host, hostLinkOf }) => {
      await web();
      await host('ip', 'link', 'set', await hostLinkOf('web'), 'nomaster');
    },
    ask: ['8088'],
    code: 'link.no-master',
    names: [/veth/, /br-app/],
    works: answersLan,
  },
  {
    id: 'F24a',
    title: 'the bridge is down',
    inject: async ({ web, host }) => {
      await web();
      await host('ip', 'link', 'set', 'br-app', 'down');
    },
    ask: ['8088'],
    code: 'bridge.down',
    names: [/br-app/],
    works: answersLan,
  },
  {
    id: 'F24b',
    title: 'the bridge has no address',
    inject: async ({ web, host }) => {
      await web();
      await host('ip', 'addr', 'flush', 'dev', 'br-app');
    },
    ask: ['8088'],
    code: 'bridge.no-address',
    names: [/br-app/, /10\.66\.0\.1\/24/],
    works: answersLan,
  },
  {
    id: 'F25a',
    title: "the host's end is down",
    inject: async ({ web, host, hostLinkOf }) => {
      await web();
      await host('ip', 'link', 'set', await hostLinkOf('web'), 'down');
    },
    ask: ['8088'],
    code: 'link.down',
    names: [/veth/],
    works: answersLan,
  },
  {
    id: 'F25b',
    title: "the container's end is down",
    inject: async ({ web, within }) => {
      await web();
      await (
        await within('web')
      )('ip', 'link', 'set', 'eth0', 'down');
    },
    ask: ['8088'],
    code: 'container.link-down',
    names: [/eth0/, /web/],
    works: answersLan,
  },
  {
    id: 'F26',
    title: 'no default route',
    inject: async ({ web, within }) => {
      await web();
      await (
        await within('web')
      )('ip', 'route', 'del', 'default');
    },
    ask: ['8088'],
    code: 'container.no-route-back',
    names: [/web/, /192\.0\.2\.2/],
    works: answersLan,
  },
  {
    id: 'F27',
    title: 'reverse path filter',
    inject: async ({ web, within, docker, host }) => {
      await web();
      const name = ['-o', 'com.docker.network.bridge.name=br-two'];
      await docker('network', 'create', ...name, '--subnet', '10.69.0.0/24', 'two');
      await docker('network', 'connect', 'two', 'web');
      const inside = await within('web');
      await inside('ip', 'route', 'replace', 'default', 'via', '10.69.0.1');
      const loose = ['net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.br-app.rp_filter=0'];
      await host('sysctl', '-qw', ...loose, 'net.ipv4.conf.br-two.rp_filter=1');
    },
    ask: ['8088'],
    code: 'route.reverse-path',
    names: [/br-two/, /br-app/, /rp_filter/],
    works: answersLan,
  },
  {
    id: 'F21',
    title: 'MTU too large and ICMP dropped',
    inject: async ({ web, host, docker }) => {
      await web();
      await docker('exec', 'web', 'sh', '-c', 'head -c 100000 /dev/zero | tr "\\0" x > /www/big');
      const rule = ['OUTPUT', '-p', 'icmp', '--icmp-type', 'fragmentation-needed', '-j', 'DROP'];
      await host('ip', 'link', 'set', 'uplink0', 'mtu', '1300');
      await host('iptables', '-I', ...rule);
      return async () => {
        await host('ip', 'link', 'set', 'uplink0', 'mtu', '1500');
        await host('iptables', '-D', ...rule);
      };
    },
    code: 'mtu.too-large',
    names: [/1500/, /1300/, /uplink0/],
    byHand: 'several containers are told, each with its own command',
  },
  {
    id: 'F32',
    title: 'the host asks its own macvlan child',
    inject: async ({ docker }) => {
      await docker(
        'network',
        'create',
        '-d',
        'macvlan',
        '-o',
        'parent=uplink0',
        '--subnet',
        '192.0.2.0/24',
        'two',
      );
      const flags = ['--network', 'two', '--ip', '192.0.2.50', '--hostname', 'web'];
      await docker('run', '-d', '--name', 'extra', ...flags, testImage);
    },
    ask: ['extra:80', '--from', 'host'],
    code: 'macvlan.host',
    names: [/extra/, /uplink0/],
    works: ({ host }) => answers(host, 'http://192.0.2.50/'),
  },
  {
    id: 'F35',
    title: 'asked from the LAN at its own address',
    inject: async ({ web, lan }) => {
      await web();
      await lan('ip', 'route', 'replace', '10.66.0.0/24', 'via', hostIp);
      return () => lan('ip', 'route', 'del', '10.66.0.0/24');
    },
    ask: ['10.66.0.3:80', '--from', 'lan'],
    code: 'port.direct-access',
    names: [/10\.66\.0\.3/],
    works: ({ lan }) => answers(lan, 'http://10.66.0.3/'),
    byHand: 'the container has to be made anew',
    engines: /^28/,
  },
];
