import { describe, expect, it } from 'vitest';
import {
  formatResource,
  keyOf,
  parseAddress,
  parseIfName,
  parseIp,
  parseMac,
  parsePort,
  parseSubnet,
  type Resource,
} from '../../../src/model/index.ts';

const bridge = parseIfName('br-1');
const mac = parseMac('02:42:0a:01:00:02');
const veth = { kind: 'veth', name: parseIfName('th-1'), bridge, owner: 'endpoint:1' } as const;
const shaping = {
  kind: 'shaping',
  link: parseIfName('th-1'),
  ifb: parseIfName('ti-1'),
  owner: 'endpoint:1',
} as const;
const port = { kind: 'published-port', protocol: 'tcp', owner: 'endpoint:1' } as const;

const resources: readonly (readonly [Resource, key: string, line: string])[] = [
  [
    { kind: 'bridge', name: bridge, mac, mtu: 1400, owner: 'network:1' },
    'link:br-1',
    'link br-1 type bridge address 02:42:0a:01:00:02 mtu 1400',
  ],
  [
    { ...veth, peer: { name: parseIfName('tc-1'), mac }, isIsolated: false },
    'link:th-1',
    'link th-1 type veth peer tc-1 address 02:42:0a:01:00:02 master br-1',
  ],
  [
    { ...veth, peer: 'elsewhere', isIsolated: true, mtu: 1400 },
    'link:th-1',
    'link th-1 type veth peer in another namespace master br-1 isolated mtu 1400',
  ],
  [{ kind: 'ifb', name: parseIfName('ti-1'), owner: 'endpoint:1' }, 'link:ti-1', 'link ti-1 type ifb'],
  [
    { ...shaping, ingress: { rate: 1e6, burst: 131_072 } },
    'shaping:th-1',
    'shaping dev th-1 ingress rate 1000000bit burst 131072bit',
  ],
  [
    { ...shaping, egress: { rate: 1e6, burst: 131_072 } },
    'shaping:th-1',
    'shaping dev th-1 egress rate 1000000bit burst 131072bit through ti-1',
  ],
  [{ ...shaping, dropsEgress: true }, 'shaping:th-1', 'shaping dev th-1 drops egress'],
  [
    { kind: 'address', link: bridge, address: parseAddress('fd00::1/64'), owner: 'network:1' },
    'address:br-1:fd00::1/64',
    'address fd00::1/64 dev br-1',
  ],
  [
    {
      kind: 'route',
      link: bridge,
      destination: parseSubnet('fd00::/64'),
      source: parseIp('fd00::1', 'source'),
      owner: 'host',
    },
    'route:br-1:fd00::/64',
    'route fd00::/64 dev br-1 src fd00::1',
  ],
  [
    { kind: 'sysctl', path: 'ipv4/ip_forward', value: '1', owner: 'host' },
    'sysctl:ipv4/ip_forward',
    'sysctl net/ipv4/ip_forward = 1',
  ],
  [
    {
      kind: 'network-rules',
      bridge,
      subnets: [parseSubnet('10.1.0.0/24'), parseSubnet('fd00::/64')],
      isInternal: false,
      allowsIcc: true,
      masquerades: true,
      owner: 'network:1',
    },
    'rules:br-1',
    'rules dev br-1 subnets 10.1.0.0/24,fd00::/64 icc masquerade',
  ],
  [
    {
      kind: 'network-rules',
      bridge,
      subnets: [parseSubnet('fd00::/64')],
      isInternal: false,
      allowsIcc: false,
      masquerades: true,
      routed: [6],
      unprotected: [4],
      hostSources: [parseIp('192.0.2.1')],
      trustedInterfaces: [parseIfName('eth1')],
      antispoofs: true,
      owner: 'network:1',
    },
    'rules:br-1',
    'rules dev br-1 subnets fd00::/64 masquerade routed6 unprotected4 source 192.0.2.1 trusts eth1 antispoof',
  ],
  [{ kind: 'bridge', name: bridge, mac, owner: 'host' }, 'link:br-1', 'link br-1 type bridge adopted'],
  [
    {
      kind: 'open-port',
      bridge,
      protocol: 'udp',
      target: parseIp('fd00::2'),
      targetPort: parsePort(53),
      owner: 'endpoint:1',
    },
    'open:br-1:udp:fd00::2:53',
    'port udp [fd00::2]:53 open dev br-1',
  ],
  [
    {
      kind: 'source-guard',
      link: parseIfName('th-1'),
      mac,
      addresses: [parseIp('10.1.0.2')],
      owner: 'endpoint:1',
    },
    'guard:th-1',
    'guard dev th-1 address 02:42:0a:01:00:02 sources 10.1.0.2',
  ],
  [
    { ...port, family: 4, hostPort: parsePort(8080), target: parseIp('10.1.0.2'), targetPort: parsePort(80) },
    'port:4:tcp:*:8080',
    'port tcp 0.0.0.0:8080 to 10.1.0.2:80',
  ],
  [
    {
      ...port,
      family: 6,
      hostIp: parseIp('::1'),
      hostPort: parsePort(8080),
      target: parseIp('fd00::2'),
      targetPort: parsePort(80),
    },
    'port:6:tcp:::1:8080',
    'port tcp [::1]:8080 to [fd00::2]:80',
  ],
];

describe('a resource', () => {
  it.each(resources)('%o has a key and a line', (resource, key, line) => {
    expect([keyOf(resource), formatResource(resource)]).toEqual([key, line]);
  });

  it('has a line without trailing space when it has no flags', () => {
    const rules: Resource = {
      kind: 'network-rules',
      bridge,
      subnets: [parseSubnet('10.1.0.0/24')],
      isInternal: false,
      allowsIcc: false,
      masquerades: false,
      owner: 'network:1',
    };
    expect(formatResource(rules)).toBe('rules dev br-1 subnets 10.1.0.0/24');
    expect(formatResource({ ...rules, isInternal: true })).toMatch(/ internal$/);
  });
});
