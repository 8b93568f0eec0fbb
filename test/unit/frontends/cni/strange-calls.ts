import type { PluginName } from '../../../../src/frontends/cni/index.ts';

/** A generator of numbers from 0 up to a bound; the same seed gives the same numbers. Source: mulberry32. */
export function generator(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * bound);
  };
}

const template = JSON.stringify({
  cniVersion: '1.1.0',
  name: 'dbnet',
  type: 'tsnet',
  bridge: 'br0',
  isGateway: true,
  isDefaultGateway: true,
  forceAddress: false,
  ipMasq: true,
  ipMasqBackend: 'nftables',
  mtu: 1400,
  hairpinMode: true,
  promiscMode: false,
  vlan: 0,
  vlanTrunk: [],
  macspoofchk: true,
  enabledad: false,
  portIsolation: false,
  ingressPolicy: 'open',
  dns: { nameservers: ['192.0.2.1'], search: ['example.org'] },
  args: { cni: { ips: ['10.77.0.9'], mac: '02:00:00:00:00:01', labels: [] } },
  capabilities: {
    portMappings: true,
    ips: true,
    bandwidth: true,
    aliases: true,
    mac: true,
    dns: true,
    ipRanges: true,
  },
  runtimeConfig: {
    portMappings: [{ HostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '' }],
    bandwidth: { ingressRate: 1000, ingressBurst: 4_294_967_295, egressRate: 0, egressBurst: 0 },
    ips: ['10.77.0.9/24'],
    mac: '02:00:00:00:00:02',
    dns: { Servers: ['192.0.2.1'], searches: [], options: [] },
    aliases: { dbnet: ['web'] },
    ipRanges: [[{ subnet: '10.78.0.0/24' }]],
  },
  ipam: {
    type: 'tsnet-ipam',
    ranges: [
      [{ subnet: '10.77.0.0/24', rangeStart: '10.77.0.9', rangeEnd: '10.77.0.99', gateway: '10.77.0.1' }],
    ],
    routes: [{ dst: '0.0.0.0/0', gw: '10.77.0.1', mtu: 1400 }],
  },
  prevResult: {
    cniVersion: '1.1.0',
    interfaces: [{ name: 'lo', mac: '02:00:00:00:00:01', sandbox: '/run/netns/x' }],
    ips: [{ address: '10.77.0.2/24', gateway: '10.77.0.1', interface: 0 }],
    routes: [{ dst: '0.0.0.0/0' }],
    dns: {},
  },
  'cni.dev/valid-attachments': [{ containerID: 'c1', ifname: 'eth0' }],
});

const strange = [
  null, true, false, 0, -1, 1.5, 1e308, 4_294_967_296, 65_536, '', ' ', 'x', '\0', '\ud800', '\u202e', 'é', '🐙',
  '../..', '/', 'a'.repeat(3000), '10.77.0.0/24', '10.77.0.0/33', '::/0', 'fe80::1%eth0', '::ffff:10.0.0.1', '010.0.0.1',
  '0.0.0.0/0', '255.255.255.255/32', 'ff:ff:ff:ff:ff:ff', '1.1.1', '0.2.0', '0.4.0', '1.0.0', 'host-local', '$(id)',
  [], [[]], [null], [[{}]], [1, 'a', {}], {}, { a: 1 }, { cni: [] }, { type: {} }, { __proto__x: 1 },
  { constructor: 1, toString: 2, hasOwnProperty: 3, length: 4 },
  [[{ subnet: 'fd00::/8', rangeStart: 'fd00::', rangeEnd: 'fdff::' }]],
  [{ hostPort: 1, containerPort: 1, protocol: 'UDP', hostIP: '::' }],
].map((value) => JSON.stringify(value)); // prettier-ignore

const texts = [
  '', ' ', 'x', '/', '..', 'eth0', 'a b', 'ADD', 'add', '\n', '\u0000', ';', '=', 'IP=', 'IP=10.0.0.1;IP=x', 'IgnoreUnknown=1;A=B',
  'K8S_POD_NAME=../x', 'MAC=02:00:00:00:00:00', '__proto__=1', 'IgnoreUnknown=1;__proto__=1', '/proc/self/ns/net', '/proc/self/ns/mnt',
  '/nowhere', 'a'.repeat(5000), '::', '🐙',
]; // prettier-ignore

const variables = [
  'CNI_CONTAINERID',
  'CNI_NETNS',
  'CNI_IFNAME',
  'CNI_ARGS',
  'CNI_PATH',
  'CNI_NETNS_OVERRIDE',
];
const verbs = ['ADD', 'ADD', 'ADD', 'DEL', 'CHECK', 'GC', 'STATUS'];

type Container = unknown[] | Record<string, unknown>;

/** Puts something strange somewhere into a document, takes something away, or adds something. */
function mutate(root: Container, random: (bound: number) => number): void {
  let place = root;
  for (let depth = random(6); depth > 0; depth -= 1) {
    const inner = Object.values(place).filter(
      (item): item is Container => typeof item === 'object' && item !== null,
    );
    place = inner[random(inner.length)] ?? place;
  }
  const keys = Object.keys(place);
  const key = keys[random(keys.length)] ?? '0';
  const value = JSON.parse(strange[random(strange.length)] ?? 'null') as unknown;
  const way = random(8);
  if (way === 0) Reflect.deleteProperty(place, key);
  else if (way === 1) Reflect.set(place, key.toUpperCase(), value);
  else Reflect.set(place, key, value);
}

/** A call that is right but for one to three things. */
export interface StrangeCall {
  readonly env: Record<string, string>;
  readonly stdin: string;
  readonly name: PluginName;
}

/** The next strange call of a generator. */
export function strangeCall(random: (bound: number) => number): StrangeCall {
  const document = JSON.parse(template) as Container;
  for (let count = 1 + random(3); count > 0; count -= 1) mutate(document, random);
  let stdin = JSON.stringify(document);
  if (random(50) === 0) stdin = stdin.slice(0, random(stdin.length));
  const env: Record<string, string> = {
    CNI_COMMAND: verbs[random(verbs.length)] ?? 'ADD',
    CNI_CONTAINERID: 'c1',
    CNI_NETNS: '/proc/self/ns/net',
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/opt/cni/bin',
  };
  if (random(4) === 0) env[variables[random(variables.length)] ?? ''] = texts[random(texts.length)] ?? '';
  return { env, stdin, name: random(5) === 0 ? 'tsnet-ipam' : 'tsnet' };
}
