import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../../../src/frontends/cni/arguments.ts';
import { parseBridgeConfig } from '../../../../src/frontends/cni/bridge-config.ts';
import { parseIpamChoice, parseIpamConfig } from '../../../../src/frontends/cni/ipam-config.ts';
import { parseRuntimeConfig } from '../../../../src/frontends/cni/runtime-config.ts';

const read = (runtimeConfig: unknown, more: object = {}) =>
  parseRuntimeConfig({ ...more, runtimeConfig }, 'net');

const none = { ports: [], ips: [], aliases: [], ranges: [] };

describe('runtimeConfig', () => {
  it.each([undefined, null, {}])('says nothing with %j', (nothing) => {
    expect(read(nothing)).toEqual(none);
  });

  it('is the same in the spellings of podman, CRI-O, containerd and nerdctl', () => {
    const wanted = {
      ports: [
        { protocol: 'tcp', hostPorts: { first: 8080, last: 8080 }, containerPort: 80 },
        { protocol: 'udp', hostIp: '127.0.0.1', hostPorts: { first: 53, last: 53 }, containerPort: 5353 },
      ],
      shaping: { ingress: { rate: 1_000_000 }, egress: { rate: 2_000_000, burst: 3_000_000 } },
      ips: ['10.1.0.9', 'fd00::9'],
      mac: '02:00:00:00:00:09',
      dns: { nameservers: ['192.0.2.1'], search: ['example.org'], options: ['ndots:2'] },
      aliases: ['web', 'w1'],
      ranges: [[{ subnet: '10.1.0.0/24', rangeStart: '10.1.0.9' }]],
    };
    const lower = {
      portMappings: [
        { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
        { hostPort: 53, containerPort: 5353, protocol: 'udp', hostIP: '127.0.0.1' },
      ],
      bandwidth: {
        ingressRate: 1_000_000,
        ingressBurst: 4_294_967_295,
        egressRate: 2_000_000,
        egressBurst: 3_000_000,
      },
      ips: ['10.1.0.9/24', 'fd00::9'],
      mac: '02:00:00:00:00:09',
      dns: { servers: ['192.0.2.1'], searches: ['example.org'], options: ['ndots:2'] },
      aliases: { net: ['web', 'w1', 'web'], other: ['no'] },
      ipRanges: [[{ subnet: '10.1.0.0/24', rangeStart: '10.1.0.9' }]],
    };
    const capitalised = {
      portMappings: [
        { HostPort: 8080, ContainerPort: 80, Protocol: 'tcp', HostIP: '' },
        { HostPort: 53, ContainerPort: 5353, Protocol: 'UDP', HostIP: '127.0.0.1' },
      ],
      bandwidth: {
        IngressRate: 1_000_000,
        IngressBurst: 4_294_967_295,
        EgressRate: 2_000_000,
        EgressBurst: 3_000_000,
      },
      ips: lower.ips,
      mac: lower.mac,
      dns: { Servers: ['192.0.2.1'], Searches: ['example.org'], Options: ['ndots:2'] },
      aliases: ['web', 'w1'],
      ipRanges: [[{ Subnet: '10.1.0.0/24', RangeStart: '10.1.0.9' }]],
    };
    const upper = JSON.parse(
      JSON.stringify(capitalised).replaceAll(
        /"([A-Za-z]+)":/g,
        (_, key: string) => `"${key.toUpperCase()}":`,
      ),
    ) as unknown;
    for (const spelling of [lower, capitalised, upper]) expect(read(spelling)).toEqual(wanted);
  });

  it('prefers a key in its own spelling', () => {
    const both = [{ hostPort: 1, HostPort: 2, containerPort: 3, CONTAINERPORT: 4, protocol: 'tcp' }];
    expect(read({ portMappings: both }).ports).toEqual([
      { protocol: 'tcp', hostPorts: { first: 1, last: 1 }, containerPort: 3 },
    ]);
  });

  it.each([
    ['', undefined],
    [undefined, undefined],
    [null, undefined],
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::'],
  ])(
    'publishes with hostIP %j on %j, which is one family or, where it is missing, both',
    (hostIP, hostIp) => {
      const [port] = read({
        portMappings: [{ hostPort: 1, containerPort: 1, protocol: 'sctp', hostIP }],
      }).ports;
      expect(port?.hostIp).toBe(hostIp);
    },
  );

  it.each([
    [{ ingressRate: 0, ingressBurst: 0, egressRate: 0, egressBurst: 0 }, undefined],
    [
      { ingressRate: 1000, ingressBurst: 4_294_967_295, egressRate: 0, egressBurst: 0 },
      { ingress: { rate: 1000 } },
    ],
    [{ egressRate: 1000, ingressBurst: 4_294_967_295 }, { egress: { rate: 1000 } }],
    [null, undefined],
  ])('takes the bandwidth %j', (bandwidth, shaping) => {
    expect(read({ bandwidth }).shaping).toEqual(shaping);
  });

  it('is looked at only as far as capabilities are declared, where they are listed', () => {
    const said = { ips: ['10.1.0.9'], mac: '02:00:00:00:00:09', portMappings: 'is for another plugin' };
    expect(read(said, { capabilities: { IPS: true, mac: false } })).toEqual({ ...none, ips: ['10.1.0.9'] });
    expect(read(said, { capabilities: {} })).toEqual(none);
    expect(() => read(said)).toThrow('portMappings');
  });

  it('has the aliases of other networks for them', () => {
    expect(read({ aliases: { other: ['no'] } }).aliases).toEqual([]);
    expect(read({ aliases: { constructor: ['no'] } }).aliases).toEqual([]);
    expect(parseRuntimeConfig({ runtimeConfig: { aliases: {} } }, 'constructor').aliases).toEqual([]);
  });
});

const ipam = { ranges: [[{ subnet: '10.1.0.0/24' }]] };
const noRuntime = { ips: [], ranges: [] };

describe('wishes', () => {
  it('for addresses add up, in the order CNI_ARGS, args.cni, runtimeConfig', () => {
    const document = { ipam, args: { cni: { ips: ['10.1.0.8/24', '10.1.0.7'] } } };
    const args = parseArguments('IgnoreUnknown=1;IP=10.1.0.7;OTHER=x');
    const runtime = { ...noRuntime, ips: read({ ips: ['fd00::9', 'fd00:0::9'] }).ips };
    expect(parseIpamConfig(document, args, runtime).wanted).toEqual(['10.1.0.7', '10.1.0.8', 'fd00::9']);
  });

  it('for a MAC address give args.cni the word before CNI_ARGS', () => {
    const args = parseArguments('MAC=02:00:00:00:00:01');
    const own = { kind: 'own' } as const;
    expect(parseBridgeConfig({}, args, own).mac).toBe('02:00:00:00:00:01');
    expect(parseBridgeConfig({ args: { cni: { mac: '02-00-00-00-00-02' } } }, args, own).mac).toBe(
      '02:00:00:00:00:02',
    );
    expect(parseBridgeConfig({}, {}, own).mac).toBeUndefined();
  });
});

describe('ipam', () => {
  it.each([
    [undefined, { kind: 'none' }],
    [{}, { kind: 'none' }],
    [{ type: '' }, { kind: 'none' }],
    [{ subnet: '10.1.0.0/24' }, { kind: 'own' }],
    [{ type: null, ranges: [[]] }, { kind: 'own' }],
    [{ type: 'tsnet-ipam' }, { kind: 'own' }],
    [
      { type: 'host-local', subnet: '10.1.0.0/24' },
      { kind: 'delegated', type: 'host-local' },
    ],
  ])('of %j is managed by %j', (section, choice) => {
    expect(parseIpamChoice({ ipam: section })).toEqual(choice);
  });

  it('has the ranges of the runtime first, then the old form, then the sets', () => {
    const document = {
      ipam: {
        subnet: '10.2.0.0/24',
        rangeStart: '10.2.0.7',
        gateway: '10.2.0.254',
        ranges: [[{ subnet: 'fd00::/64' }]],
      },
    };
    const runtime = { ips: [], ranges: [[{ subnet: '10.1.0.0/30' }]] } as unknown as typeof noRuntime;
    expect(parseIpamConfig(document, {}, runtime).sets).toEqual([
      [{ subnet: '10.1.0.0/30', gateway: '10.1.0.1', first: '10.1.0.1', last: '10.1.0.2' }],
      [{ subnet: '10.2.0.0/24', gateway: '10.2.0.254', first: '10.2.0.7', last: '10.2.0.254' }],
      [{ subnet: 'fd00::/64', gateway: 'fd00::1', first: 'fd00::1', last: 'fd00::ffff:ffff:ffff:ffff' }],
    ]);
  });

  it('may have parts of one subnet apart', () => {
    const part = (rangeStart: string, rangeEnd: string) => [{ subnet: '10.1.0.0/24', rangeStart, rangeEnd }];
    const ranges = [part('10.1.0.8', '10.1.0.15'), part('10.1.0.16', '10.1.0.23')];
    expect(parseIpamConfig({ ipam: { ranges } }, {}, noRuntime).sets).toHaveLength(2);
  });
});
