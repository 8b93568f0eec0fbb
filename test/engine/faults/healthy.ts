import { testImage } from '../../support/engine.ts';
import type { Rig } from './rig.ts';

/** A set-up in which nothing is wrong: nothing may be found. */
export interface Healthy {
  readonly title: string;
  readonly setUp: (rig: Rig) => Promise<void | (() => Promise<unknown>)>;
  /** The arguments of `tsnet inspect port`, each asked on its own. */
  readonly asks: readonly (readonly string[])[];
  /** Flags of tsnet that the doctor needs to know its own. */
  readonly flags?: readonly string[];
}

const ofTsnet = ['-d', 'tsnet', '--ipam-driver', 'tsnet'];

/** Modes of networks, drivers, and rules in the manner of well-known firewalls. */
export const healthySetUps: readonly Healthy[] = [
  {
    title: 'bridge, published',
    setUp: ({ web }) => web(['-p', '8088:80', '-p', '5140:5353/udp']),
    asks: [
      ['8088'],
      ['5140/udp'],
      ['8088', '--from', 'host'],
      ['web:80', '--from', 'cli'],
      ['web:80', '--from', 'host'],
      ['8088', '--from', 'cli'],
    ],
  },
  {
    title: 'published on one address',
    setUp: ({ web }) => web(['-p', '127.0.0.1:8088:80', '-p', '192.0.2.1:8089:80']),
    asks: [
      ['8088', '--from', 'localhost'],
      ['8089', '--from', 'lan'],
    ],
  },
  {
    title: 'host network',
    setUp: async ({ docker }) => {
      await docker(
        'run',
        '-d',
        '--name',
        'extra',
        '--network',
        'host',
        testImage,
        'httpd',
        '-f',
        '-p',
        '8090',
        '-h',
        '/www',
      );
    },
    asks: [['8090'], ['8090', '--from', 'extra'], ['8090', '--from', 'cli'], ['extra:8090']],
  },
  {
    title: 'no network',
    setUp: async ({ docker }) => {
      await docker('run', '-d', '--name', 'extra', '--network', 'none', testImage);
    },
    asks: [],
  },
  {
    title: "another container's network",
    setUp: async ({ web, docker }) => {
      await web();
      await docker(
        'run',
        '-d',
        '--name',
        'extra',
        '--network',
        'container:web',
        testImage,
        'sleep',
        '100000',
      );
    },
    asks: [
      ['8088'],
      ['web:80', '--from', 'cli'],
      ['extra:80', '--from', 'cli'],
      ['web:80', '--from', 'extra'],
    ],
  },
  {
    title: 'macvlan, asked from the LAN',
    setUp: async ({ docker }) => {
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
      await docker('run', '-d', '--name', 'extra', '--network', 'two', '--ip', '192.0.2.50', testImage);
    },
    asks: [['extra:80', '--from', 'lan']],
  },
  {
    title: 'internal network, asked by the host and inside',
    setUp: async ({ docker }) => {
      await docker('network', 'create', '--internal', '--subnet', '10.67.0.0/24', 'two');
      for (const name of ['extra', 'other'])
        await docker('run', '-d', '--name', name, '--network', 'two', testImage);
    },
    asks: [
      ['extra:80', '--from', 'host'],
      ['extra:80', '--from', 'other'],
    ],
  },
  {
    title: 'rules in the manner of ufw',
    setUp: async ({ web, host }) => {
      await web();
      const lines = [
        'iptables -N ufw-before-input',
        'iptables -A ufw-before-input -i lo -j ACCEPT',
        'iptables -A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        'iptables -A ufw-before-input -p tcp --dport 22 -j ACCEPT',
        'iptables -N ufw-before-forward',
        'iptables -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        'iptables -A INPUT -j ufw-before-input',
        'iptables -A FORWARD -j ufw-before-forward',
        'iptables -P INPUT DROP',
        'iptables -P FORWARD DROP',
      ];
      await host('sh', '-ec', lines.join('\n'));
      const undo = [
        'iptables -P INPUT ACCEPT',
        'iptables -P FORWARD ACCEPT',
        'iptables -D INPUT -j ufw-before-input',
        'iptables -D FORWARD -j ufw-before-forward',
        'iptables -F ufw-before-input; iptables -X ufw-before-input',
        'iptables -F ufw-before-forward; iptables -X ufw-before-forward',
      ];
      return () => host('sh', '-c', undo.join('\n'));
    },
    asks: [['8088'], ['web:80', '--from', 'cli']],
  },
  {
    title: 'rules in the manner of firewalld',
    setUp: async ({ web, host }) => {
      await web();
      const chain = (hook: string) => `{ type filter hook ${hook} priority 10; policy accept; }`;
      const lines = [
        'add table inet firewalld',
        `add chain inet firewalld filter_FORWARD ${chain('forward')}`,
        'add chain inet firewalld filter_FWD_docker',
        'add rule inet firewalld filter_FORWARD ct state established,related accept',
        'add rule inet firewalld filter_FORWARD ct status dnat accept',
        'add rule inet firewalld filter_FORWARD iifname "br-app" goto filter_FWD_docker',
        'add rule inet firewalld filter_FORWARD ct state invalid drop',
        'add rule inet firewalld filter_FORWARD reject with icmpx admin-prohibited',
        'add rule inet firewalld filter_FWD_docker accept',
      ];
      await host('sh', '-c', `nft -f - <<'END'\n${lines.join('\n')}\nEND`);
      return () => host('nft', 'delete', 'table', 'inet', 'firewalld');
    },
    asks: [['8088'], ['web:80', '--from', 'cli']],
  },
  ...(['nftables', 'iptables'] as const).map((firewall) => ({
    title: `tsnet, ${firewall}`,
    flags: ['--firewall', firewall],
    setUp: async ({ engine, docker }: Rig) => {
      await engine.startDaemon('--firewall', firewall);
      await docker('network', 'create', ...ofTsnet, '--subnet', '10.68.0.0/24', 'two');
      for (const [name, port] of [
        ['extra', '8091:80'],
        ['other', '8092:5353/udp'],
      ] as const)
        await docker('run', '-d', '--name', name, '--network', 'two', '-p', port, testImage);
      return async () => {
        for (const name of ['extra', 'other']) await docker('rm', '-f', name);
        await docker('network', 'rm', 'two');
        await engine.stopDaemon();
      };
    },
    asks: [['8091'], ['8092/udp'], ['extra:80', '--from', 'other'], ['extra:80', '--from', 'host']],
  })),
];

/** The same for an engine without docker-proxy. */
export const healthyWithoutProxy: Healthy = {
  title: 'bridge, published, without docker-proxy',
  setUp: ({ web }) => web(['-p', '8088:80', '-p', '5140:5353/udp']),
  asks: [['8088'], ['5140/udp'], ['8088', '--from', 'host']],
};
