import { describe, expect, it } from 'vitest';
import { call, errorOf, plain } from './call.ts';

const { name: _name, ...nameless } = plain;
const withIpam = (ipam: object, more: object = {}) => ({ ...plain, ...more, ipam });
const withRange = (range: object) => withIpam({ ranges: [[range]] });
const withRuntime = (runtimeConfig: unknown, more: object = {}) => ({ ...plain, ...more, runtimeConfig });
const withPort = (mapping: object) => withRuntime({ portMappings: [mapping] });
const port = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };
const subnet = '10.77.0.0/24';

describe('the environment', () => {
  it.each([
    ['one variable', 'ADD', { CNI_NETNS: undefined }, 'missing for ADD: CNI_NETNS'],
    [
      'all variables',
      'ADD',
      { CNI_NETNS: undefined, CNI_IFNAME: '', CNI_CONTAINERID: undefined },
      'CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME',
    ],
    ['the container of a DEL', 'DEL', { CNI_CONTAINERID: '' }, 'CNI_CONTAINERID'],
    ['the namespace of a CHECK', 'CHECK', { CNI_NETNS: '' }, 'CNI_NETNS'],
    ['a long interface name', 'ADD', { CNI_IFNAME: 'a123456789012345' }, 'CNI_IFNAME'],
    ['a slash in it', 'ADD', { CNI_IFNAME: 'a/b' }, 'CNI_IFNAME'],
    ['dots for it', 'ADD', { CNI_IFNAME: '..' }, 'CNI_IFNAME'],
    ['a colon in it', 'DEL', { CNI_IFNAME: 'eth0:1' }, 'CNI_IFNAME'],
    ['a container id with a slash', 'ADD', { CNI_CONTAINERID: 'a/b' }, 'CNI_CONTAINERID'],
    ['a container id that begins with a dash', 'ADD', { CNI_CONTAINERID: '-a' }, 'CNI_CONTAINERID'],
    ['a relative path', 'ADD', { CNI_NETNS: 'netns' }, 'CNI_NETNS'],
    ['an unknown key in CNI_ARGS', 'ADD', { CNI_ARGS: 'FOO=BAR' }, 'CNI_ARGS: "FOO=BAR"'],
    ['a pair without value', 'ADD', { CNI_ARGS: 'IP' }, 'CNI_ARGS: "IP"'],
    ['a pair with two', 'ADD', { CNI_ARGS: 'A=B=C' }, 'CNI_ARGS: "A=B=C"'],
    ['an empty pair', 'ADD', { CNI_ARGS: 'MAC=02:00:00:00:00:01;' }, 'CNI_ARGS: ""'],
    ['no address in CNI_ARGS', 'ADD', { CNI_ARGS: 'IP=no' }, 'CNI_ARGS IP: "no"'],
    ['no MAC address in CNI_ARGS', 'ADD', { CNI_ARGS: 'MAC=no' }, 'CNI_ARGS MAC: "no"'],
  ])('with %s is refused with 4', async (_, verb, env, message) => {
    const error = errorOf(await call(verb, plain, env));
    expect(error).toMatchObject({ code: 4, cniVersion: expect.any(String) as string });
    expect(error.msg).toContain(message);
  });

  it.each(['FOO', 'add', 'ADD '])('with the command %j is refused with 4', async (verb) => {
    const error = errorOf(await call(verb));
    expect(error.code).toBe(4);
    expect(error.msg).toContain('CNI_COMMAND');
    expect(error.msg).toContain(JSON.stringify(verb));
  });

  it.each([
    ['/run/netns/tsnet-test-nowhere', 'ENOENT'],
    ['/etc/hostname', 'it is no network namespace'],
  ])('with the namespace %s is refused with 8', async (CNI_NETNS, message) => {
    const error = errorOf(await call('ADD', plain, { CNI_NETNS }));
    expect(error.code).toBe(8);
    expect(error.msg).toContain('CNI_NETNS');
    expect(error.msg).toContain(message);
  });
});

describe('the document', () => {
  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a text', '"x"'],
    ['two documents', '{}{}'],
  ])('that is %s is refused with 6', async (_, stdin) => {
    const error = errorOf(await call('ADD', stdin));
    expect(error.code).toBe(6);
    expect(error.msg).toContain('network configuration');
  });

  it.each([
    ['ADD', '2'],
    ['ADD', '9.9.9'],
    ['ADD', '1.0'],
    ['DEL', '>=1.0.0'],
  ])('%s in version %s is refused with 1', async (verb, cniVersion) => {
    const error = errorOf(await call(verb, { ...plain, cniVersion }));
    expect(error.code).toBe(1);
    expect(error.details).toContain('0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0');
  });

  it.each([
    ['CHECK', '0.3.1'],
    ['GC', '1.0.0'],
    ['STATUS', '1.0.0'],
  ])('%s in version %s is refused with 1', async (verb, cniVersion) => {
    const error = errorOf(await call(verb, { ...plain, cniVersion }));
    expect(error).toMatchObject({ code: 1, cniVersion });
    expect(error.msg).toContain(verb);
  });

  it.each(['', '-a', 'a/b', 'a b', 7, null, undefined])(
    'with the name %j is refused with 7',
    async (name) => {
      const error = errorOf(await call('DEL', { ...nameless, name }));
      expect(error.code).toBe(7);
      expect(error.msg).toMatch(/^name: /);
    },
  );
});

const rows: readonly (readonly [object, string])[] = [
  [{ ...plain, isGateway: 'yes' }, 'isGateway: "yes" is not allowed, expected true or false'],
  [{ ...plain, bridge: 7 }, 'bridge: 7 is not allowed, expected a text'],
  [{ ...plain, bridge: 'a name that is too long' }, 'bridge: '],
  [{ ...plain, mtu: '1500' }, 'mtu: "1500" is not allowed, expected a number'],
  [{ ...plain, mtu: 12 }, 'mtu: 12 '],
  [{ ...plain, mtu: -1 }, 'mtu: -1 '],
  [{ ...plain, vlan: 4095 }, 'vlan: 4095 '],
  [{ ...plain, ipMasqBackend: 'pf' }, 'ipMasqBackend: "pf" '],
  [{ ...plain, ingressPolicy: 'shut' }, 'ingressPolicy: "shut" '],
  [{ ...plain, hairpinMode: true, promiscMode: true }, 'promiscMode: true '],
  [{ ...plain, dns: { nameservers: '192.0.2.1' } }, 'dns.nameservers: "192.0.2.1" '],
  [{ ...plain, ipam: [] }, 'ipam: [] '],
  [{ ...plain, ipam: { type: 7 } }, 'ipam.type: 7 '],
  [{ ...plain, ipam: { type: '../host-local' } }, 'ipam.type: "../host-local" '],
  [{ ...plain, ipam: { type: '..' } }, 'ipam.type: ".." '],
  [{ ...plain, macspoofchk: true, ipam: {} }, 'macspoofchk: true '],
  [{ ...plain, disableContainerInterface: true }, 'disableContainerInterface: true '],
  [{ ...plain, args: 7 }, 'args: 7 '],
  [{ ...plain, args: { cni: { mac: 'no' } } }, 'args.cni.mac: "no" '],
  [{ ...plain, args: { cni: { ips: ['no'] } } }, 'args.cni.ips.0: "no" '],
  [{ ...plain, prevResult: 7 }, 'prevResult: 7 '],
  [{ ...plain, prevResult: { ips: [{ address: 'no' }] } }, 'prevResult.ips.0.address: "no" '],
  [withIpam({ type: 'tsnet-ipam' }), 'ipam.ranges: [] is not allowed, expected at least one set'],
  [withIpam({ ranges: [[]] }), 'ipam.ranges.0: [] '],
  [withIpam({ ranges: {} }), 'ipam.ranges: {} is not allowed, expected a list'],
  [withIpam({ ranges: [{ subnet }] }), 'ipam.ranges.0: '],
  [withRange({}), 'ipam.ranges.0.0.subnet: nothing '],
  [
    withRange({ subnet: '10.77.0.1/24' }),
    'ipam.ranges.0.0.subnet: "10.77.0.1/24" is not allowed, expected no host bits',
  ],
  [withRange({ subnet: '10.77.0.0/31' }), 'ipam.ranges.0.0.subnet: "10.77.0.0/31" '],
  [withRange({ subnet: 'fd00::/127' }), 'ipam.ranges.0.0.subnet: "fd00::/127" '],
  [withRange({ subnet, rangeStart: '10.78.0.1' }), 'ipam.ranges.0.0.rangeStart: "10.78.0.1" '],
  [withRange({ subnet, rangeEnd: 'fd00::1' }), 'ipam.ranges.0.0.rangeEnd: "fd00::1" '],
  [
    withRange({ subnet, rangeStart: '10.77.0.9', rangeEnd: '10.77.0.3' }),
    'ipam.ranges.0.0.rangeEnd: "10.77.0.3" ',
  ],
  [withRange({ subnet, gateway: 'fd00::1' }), 'ipam.ranges.0.0.gateway: "fd00::1" '],
  [
    withIpam({ ranges: [[{ subnet }, { subnet: 'fd00::/64' }]] }),
    'ipam.ranges.0: "fd00::/64" is not allowed, expected ranges of IPv4',
  ],
  [withIpam({ ranges: [[{ subnet }], [{ subnet: '10.77.0.0/16' }]] }), 'ipam.ranges.1.0: '],
  [withIpam({ ranges: [[{ subnet }], [{ subnet }]] }), 'that does not overlap 10.77.0.0/24'],
  [withIpam({ subnet: 'no' }), 'ipam.ranges.0.0.subnet: "no" '],
  [withIpam({ subnet, routes: [{ dst: 'no' }] }), 'ipam.routes.0.dst: "no" '],
  [withIpam({ subnet, routes: [{ dst: '0.0.0.0/0', gw: 'no' }] }), 'ipam.routes.0.gw: "no" '],
  [
    withIpam({ subnet, routes: [{ dst: '0.0.0.0/0', mtu: 4_294_967_296 }] }),
    'ipam.routes.0.mtu: 4294967296 is not allowed, expected a whole number from 0 to 4294967295',
  ],
  [withRuntime([]), 'runtimeConfig: [] '],
  [withRuntime({ portMappings: {} }), 'runtimeConfig.portMappings: {} '],
  [withPort({ ...port, hostPort: 0 }), 'runtimeConfig.portMappings.0.hostPort: 0 '],
  [withPort({ ...port, hostPort: 70_000 }), 'runtimeConfig.portMappings.0.hostPort: 70000 '],
  [withPort({ ...port, hostPort: '80' }), 'runtimeConfig.portMappings.0.hostPort: "80" '],
  [withPort({ ...port, containerPort: 0.5 }), 'runtimeConfig.portMappings.0.containerPort: 0.5 '],
  [withPort({ ...port, protocol: 'icmp' }), 'runtimeConfig.portMappings.0.protocol: "icmp" '],
  [withPort({ hostPort: 1, containerPort: 1 }), 'runtimeConfig.portMappings.0.protocol: nothing '],
  [withPort({ ...port, hostIP: 'zz' }), 'runtimeConfig.portMappings.0.hostIP: "zz" '],
  [
    withPort({ HostPort: 0, ContainerPort: 80, Protocol: 'tcp' }),
    'runtimeConfig.portMappings.0.hostPort: 0 ',
  ],
  [withRuntime({ bandwidth: { ingressRate: -1 } }), 'runtimeConfig.bandwidth.ingressRate: -1 '],
  [withRuntime({ bandwidth: { egressBurst: 7 } }), 'runtimeConfig.bandwidth.egressBurst: 7 '],
  [withRuntime({ ips: '10.77.0.9' }), 'runtimeConfig.ips: "10.77.0.9" '],
  [withRuntime({ ips: ['no'] }), 'runtimeConfig.ips.0: "no" '],
  [withRuntime({ mac: '01:00:00:00:00:01' }), 'runtimeConfig.mac: "01:00:00:00:00:01" '],
  [withRuntime({ aliases: ['a b'] }), 'runtimeConfig.aliases: "a b" '],
  [withRuntime({ aliases: 'web' }), 'runtimeConfig.aliases: "web" '],
  [withRuntime({ dns: { servers: 'no' } }), 'runtimeConfig.dns.servers: "no" '],
  [withRuntime({ ipRanges: [[{ subnet: 'no' }]] }), 'runtimeConfig.ipRanges.0.0.subnet: "no" '],
];

describe('an option', () => {
  it.each(rows)('of %j is refused with 7, by name', async (config, message) => {
    const error = errorOf(await call('ADD', config));
    expect(error.msg).toContain(message);
    expect(error.code).toBe(7);
  });

  it.each([
    ['vlan', { vlan: 100 }],
    ['vlanTrunk', { vlanTrunk: [{ id: 7 }] }],
  ])('%s that is not supported is refused with 2, by name', async (name, options) => {
    const error = errorOf(await call('ADD', { ...plain, ...options }));
    expect(error.code).toBe(2);
    expect(error.msg).toMatch(new RegExp(`^${name}: `));
  });

  it('that says nothing is none: the zero values of plugins in Go, and null', async () => {
    const config = {
      ...plain,
      vlan: 0,
      vlanTrunk: [],
      mtu: 0,
      isGateway: null,
      bridge: '',
      preserveDefaultVlan: true,
      prevResult: null,
      runtimeConfig: null,
      args: null,
      capabilities: null,
      somethingNew: { of: 'others' },
    };
    expect(errorOf(await call('ADD', config, { CNI_ARGS: 'IgnoreUnknown=1;FOO=BAR' })).msg).toBe(
      'the host was asked for',
    );
  });

  it('of an attachment without addresses is refused in versions that can not tell of one', async () => {
    expect(errorOf(await call('ADD', { ...plain, cniVersion: '0.2.0', ipam: {} }))).toMatchObject({
      code: 2,
    });
  });

  it('is not looked at when an attachment ends', async () => {
    const broken = { ...plain, mtu: 'no', ipam: { ranges: 7 }, runtimeConfig: 'no', prevResult: 7 };
    const error = errorOf(await call('DEL', broken, { CNI_NETNS: '', CNI_ARGS: 'broken' }));
    expect(error.msg).toBe('the host was asked for');
  });
});

describe('CHECK', () => {
  it('needs the result of the ADD', async () => {
    const error = errorOf(await call('CHECK'));
    expect(error).toMatchObject({ code: 7 });
    expect(error.msg).toContain('prevResult');
  });
});

describe('GC', () => {
  it('refuses a list that is none', async () => {
    const error = errorOf(await call('GC', { ...plain, 'cni.dev/valid-attachments': [{ containerID: 7 }] }));
    expect(error.code).toBe(7);
    expect(error.msg).toContain('cni.dev/valid-attachments.0.containerID: 7 ');
  });
});

describe('STATUS', () => {
  it('says that the host can not be used with 51', async () => {
    expect(errorOf(await call('STATUS')).code).toBe(51);
  });
});
