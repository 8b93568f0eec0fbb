import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../../src/frontends/docker/requests.ts';
import { metricOf, parseNetwork } from '../../../../src/frontends/netavark/network-request.ts';
import { networkSchema } from '../../../../src/frontends/netavark/requests.ts';
import { toTsnetError } from '../../../../src/model/index.ts';

const id = 'a'.repeat(64);
const subnets = [{ subnet: '10.91.0.0/24', gateway: '10.91.0.1' }];
const parse = (network: object) => parseNetwork(decode(networkSchema, { id, name: 'one', ...network }));

const text = fc.oneof(
  fc.string(),
  fc.constantFrom(
    '10.91.0.0/24',
    '10.91.0.1',
    'fd00:91::/64',
    'fd00:91::1',
    'host-local',
    'none',
    'unicast',
    '',
    '1400',
  ),
);
const anything = fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null));
const maybe = (value: fc.Arbitrary<unknown>) =>
  fc.option(fc.oneof({ weight: 9, arbitrary: value }, anything));
const networks = fc.record({
  name: maybe(text),
  network_interface: maybe(text),
  subnets: maybe(fc.array(fc.record({ subnet: text, gateway: maybe(text) }), { maxLength: 3 })),
  routes: maybe(
    fc.array(fc.record({ destination: text, gateway: maybe(text), metric: maybe(fc.integer()) }), {
      maxLength: 2,
    }),
  ),
  internal: maybe(fc.boolean()),
  ipv6_enabled: maybe(fc.boolean()),
  options: maybe(
    fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('mtu', 'metric', 'isolate', 'tsnet.icc', '__proto__')),
      text,
      {
        maxKeys: 3,
      },
    ),
  ),
  ipam_options: maybe(fc.dictionary(fc.constantFrom('driver', 'x'), text)),
});

describe('a network of Podman', () => {
  it('is read or refused, whatever it is', () => {
    fc.assert(
      fc.property(networks, (network) => {
        try {
          parse(network);
        } catch (error) {
          expect(['invalid-input', 'unsupported']).toContain(toTsnetError(error).kind);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('has no pools here, and its bridge, subnets and routes', () => {
    const { request, routes, hasDefaultRoute } = parse({
      network_interface: 'br7',
      subnets: [...subnets, { subnet: 'fd00:91::/64', gateway: null }],
      routes: [{ destination: '10.9.0.0/16', gateway: '10.91.0.254' }],
      options: { mtu: '1400' },
      labels: { a: 'b' },
    });
    expect(request).toEqual({
      id,
      name: 'one',
      origin: 'netavark',
      bridge: 'br7',
      mtu: 1400,
      allowsIcc: true,
      masquerades: true,
      isInternal: false,
      subnets: [...subnets, { subnet: 'fd00:91::/64' }],
      pools: [],
      reserved: [],
      options: { mtu: '1400' },
    });
    expect(routes).toEqual([{ destination: '10.9.0.0/16', gateway: '10.91.0.254', metric: 100 }]);
    expect(hasDefaultRoute).toBe(true);
  });

  it('prefers the default route of its first interface, or all alike where a metric is named', () => {
    expect(['eth0', 'eth1', 'net12', 'lan'].map((name) => metricOf(parse({}), name))).toEqual([
      100, 101, 112, 100,
    ]);
    expect(metricOf(parse({ options: { metric: '7' } }), 'eth1')).toBe(7);
  });

  it.each([
    [{ id: '../x' }, /id: "\.\.\/x" is not allowed/],
    [{ network_interface: 'a b' }, /network_interface: "a b" is not allowed/],
    [{ subnets: [{ subnet: '10.91.0.0' }] }, /subnets\[0\]\.subnet/],
    [
      { subnets: [{ subnet: '10.91.0.0/24', gateway: '10.92.0.1' }] },
      /subnets\[0\]\.gateway: "10\.92\.0\.1"/,
    ],
    [{ subnets: [...subnets, { subnet: '10.92.0.0/24' }] }, /10\.92\.0\.0\/24 is the second of IPv4/],
    [{ subnets, ipam_options: { driver: 'none' } }, /ipam_options\.driver: "none" is not allowed/],
    [{ ipam_options: { driver: 'dhcp' } }, /ipam_options\.driver: "dhcp" is not supported/],
    [
      { subnets, routes: [{ destination: '10.9.0.0/16', gateway: '10.5.0.1' }] },
      /routes\[0\]\.gateway: "10\.5\.0\.1"/,
    ],
    [
      { subnets, routes: [{ destination: '10.9.0.0/16', route_type: 'blackhole' }] },
      /routes\[0\]\.route_type: "blackhole" is not supported/,
    ],
    [
      { subnets, routes: [{ destination: '10.9.0.0/16', gateway: '10.91.0.9', metric: -1 }] },
      /routes\[0\]\.metric: -1 is not allowed/,
    ],
    [{ subnets: 'all' }, /subnets/],
  ])('%j is refused', (network, message) => {
    expect(() => parse(network)).toThrow(message);
  });
});
