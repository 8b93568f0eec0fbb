import {
  answers,
  answersCli,
  answersLan,
  answersLoopback,
  answersOut,
  hostIp,
  lanIp,
  seesClient,
} from './rig.ts';
import type { Fault } from './fault.ts';

/** Faults of rules, forwarding and translation. */
export const firewallFaults: readonly Fault[] = [
  {
    id: 'F08',
    title: 'the DNAT rule is gone',
    inject: async ({ web, host }) => {
      await web();
      await host('iptables', '-t', 'nat', '-F', 'DOCKER');
    },
    ask: ['8088'],
    code: 'nat.no-translation',
    names: [/8088\/tcp/, /docker-proxy/],
    works: seesClient,
  },
  {
    id: 'F10',
    title: 'drop rule in DOCKER-USER',
    inject: async ({ web, host }) => {
      await web();
      await host('iptables', '-I', 'DOCKER-USER', '-i', 'uplink0', '-j', 'DROP');
      return () =>
        host('iptables', '-D', 'DOCKER-USER', '-i', 'uplink0', '-j', 'DROP').catch(() => undefined);
    },
    ask: ['8088'],
    code: 'firewall.user-drop',
    names: [/DOCKER-USER rule 1/, /-i uplink0 -j DROP/],
    works: answersLan,
  },
  {
    id: 'F11',
    title: 'another nftables table drops',
    inject: async ({ web, host }) => {
      await web();
      const chain = '{ type filter hook forward priority 10; policy drop; }';
      await host('nft', `add table inet corp; add chain inet corp guard ${chain}`);
      await host('nft', 'add rule inet corp guard ct state established,related counter accept');
      return () => host('nft', 'delete', 'table', 'inet', 'corp');
    },
    ask: ['8088'],
    code: 'firewall.foreign-drop',
    names: [/inet corp/, /guard/, /policy/],
    works: answersLan,
  },
  {
    id: 'F12',
    title: 'iptables-legacy drops as well',
    inject: async ({ web, host }) => {
      await web();
      await host('iptables-legacy', '-P', 'FORWARD', 'DROP');
      return () => host('iptables-legacy', '-P', 'FORWARD', 'ACCEPT');
    },
    ask: ['8088'],
    code: 'firewall.legacy-drop',
    names: [/legacy/, /FORWARD/],
    works: answersLan,
  },
  {
    id: 'F13',
    title: 'forwarding is off',
    inject: async ({ web, host }) => {
      await web();
      await host('sysctl', '-qw', 'net.ipv4.ip_forward=0');
      return () => host('sysctl', '-qw', 'net.ipv4.ip_forward=1');
    },
    ask: ['8088'],
    code: 'forwarding.off',
    names: [/net\.ipv4\.ip_forward/],
    works: answersLan,
  },
  {
    id: 'F14',
    title: 'no MASQUERADE',
    inject: async ({ web, host }) => {
      await web();
      const rule = ['POSTROUTING', '-s', '10.66.0.0/24', '!', '-o', 'br-app', '-j', 'MASQUERADE'];
      await host('iptables', '-t', 'nat', '-D', ...rule);
    },
    code: 'nat.no-masquerade',
    names: [/10\.66\.0\.0\/24/, /app/],
    works: answersOut,
  },
  {
    id: 'F15',
    title: "the host's firewall keeps containers out",
    inject: async ({ host, serve }) => {
      const rule = ['INPUT', '-i', 'br-app', '-p', 'tcp', '--dport', '7000', '-j', 'DROP'];
      const end = await serve('7000');
      await host('iptables', '-I', ...rule);
      return async () => {
        await host('iptables', '-D', ...rule).catch(() => undefined);
        await end();
      };
    },
    ask: ['7000', '--from', 'cli'],
    code: 'firewall.rule-drop',
    names: [/INPUT rule 1/, /-i br-app/],
    works: ({ engine }) => answers(engine.container('cli'), 'http://10.66.0.1:7000/', 'lan'),
  },
  {
    id: 'F16',
    title: 'the host listens on its loopback only',
    inject: ({ serve }) => serve('7000,bind=127.0.0.1'),
    ask: ['7000', '--from', 'cli'],
    code: 'listener.host-loopback-only',
    names: [/127\.0\.0\.1:7000/, /socat/],
    works: ({ engine }) => answers(engine.container('cli'), 'http://10.66.0.1:7000/', 'lan'),
    byHand: 'the application has to bind another address',
  },
  {
    id: 'F19b',
    title: 'a rule between containers of one network',
    inject: async ({ web, host }) => {
      await web();
      const rule = ['DOCKER-USER', '-i', 'br-app', '-o', 'br-app', '-j', 'DROP'];
      await host('iptables', '-I', ...rule);
      return () => host('iptables', '-D', ...rule).catch(() => undefined);
    },
    ask: ['web:80', '--from', 'cli'],
    code: 'firewall.user-drop',
    names: [/DOCKER-USER rule 1/, /-i br-app -o br-app/],
    works: answersCli,
  },
  {
    id: 'F28',
    title: 'stale UDP flow',
    inject: async ({ web, host }) => {
      await web(['-p', '5140:5353/udp']);
      const original = ['-s', lanIp, '-d', hostIp, '--sport', '4202', '--dport', '5140'];
      const reply = ['-r', '10.66.0.77', '-q', lanIp, '--reply-port-src', '5140', '--reply-port-dst', '4202'];
      await host(
        'conntrack',
        '-I',
        '-p',
        'udp',
        ...original,
        ...reply,
        '-t',
        '120',
        '-u',
        'SEEN_REPLY,ASSURED',
      );
      return () => host('conntrack', '-D', '-p', 'udp', '--orig-port-dst', '5140').catch(() => undefined);
    },
    ask: ['5140/udp'],
    code: 'conntrack.stale',
    names: [/4202/, /10\.66\.0\.77/],
    works: async ({ lan }) =>
      (await lan('sh', '-c', `echo hello | socat -t 0.5 -T 0.5 - UDP4:${hostIp}:5140,sourceport=4202`).catch(
        () => '',
      )) === 'hello',
  },
];

/** Faults after which the engine has to be restarted, which is what heals them. */
export const flushedFaults: readonly Fault[] = [
  {
    id: 'F09a',
    title: 'all rules flushed, policy DROP',
    inject: async ({ web, host, engine }) => {
      await web();
      await host('sh', '-c', 'iptables -P FORWARD DROP; iptables -F; iptables -t nat -F');
      return () => engine.restartEngine();
    },
    ask: ['web:80', '--from', 'cli'],
    code: 'firewall.flushed',
    names: [/app/, /DROP/, /MASQUERADE/],
    works: answersCli,
  },
  {
    id: 'F09b',
    title: 'nft flush ruleset',
    inject: async ({ web, host, engine }) => {
      await web();
      await host('nft', 'flush', 'ruleset');
      return () => engine.restartEngine();
    },
    code: 'firewall.flushed',
    names: [/bridge/, /MASQUERADE/],
    works: answersOut,
  },
];

/** Faults of an engine that runs without docker-proxy. */
export const proxylessFaults: readonly Fault[] = [
  {
    id: 'F33b',
    title: 'route_localnet is off',
    inject: async ({ web, host }) => {
      await web();
      await host(
        'sysctl',
        '-qw',
        'net.ipv4.conf.br-app.route_localnet=0',
        'net.ipv4.conf.all.route_localnet=0',
      );
    },
    ask: ['8088'],
    code: 'nat.route-localnet-off',
    names: [/route_localnet/, /br-app/],
    works: answersLoopback,
  },
  {
    id: 'F08b',
    title: 'the DNAT rule is gone, and no proxy serves',
    inject: async ({ web, host }) => {
      await web();
      await host('iptables', '-t', 'nat', '-F', 'DOCKER');
    },
    ask: ['8088'],
    code: 'nat.no-translation',
    names: [/8088\/tcp/],
    works: answersLan,
  },
];
