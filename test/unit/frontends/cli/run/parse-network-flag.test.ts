import { describe, expect, it } from 'vitest';
import { parseNetworkFlags } from '../../../../../src/frontends/cli/run/parse-network-flag.ts';

const wish = (network: string, more: object = {}) => ({ network, ips: [], aliases: [], ...more });

describe('--network', () => {
  it.each([
    [{}, { kind: 'networks', wishes: [wish('bridge')] }],
    [{ network: ['none'] }, { kind: 'none' }],
    [{ network: ['host'] }, { kind: 'host' }],
    [{ network: ['container:web'] }, { kind: 'sandbox', name: 'web' }],
    [{ network: ['lab', 'dmz'] }, { kind: 'networks', wishes: [wish('lab'), wish('dmz')] }],
    [
      { network: ['lab:ip=10.1.0.9,mac=02-00-00-00-00-01,alias=a,alias=b'] },
      {
        kind: 'networks',
        wishes: [wish('lab', { ips: ['10.1.0.9'], mac: '02:00:00:00:00:01', aliases: ['a', 'b'] })],
      },
    ],
    [
      { network: ['name=lab,ip=10.1.0.9,ip6=fd00::9,mac-address=02:00:00:00:00:01'] },
      { kind: 'networks', wishes: [wish('lab', { ips: ['10.1.0.9', 'fd00::9'], mac: '02:00:00:00:00:01' })] },
    ],
    [
      {
        network: ['lab', 'dmz'],
        ip: '10.1.0.9',
        ip6: 'FD00::9',
        macAddress: '02:00:00:00:00:01',
        alias: ['db'],
      },
      {
        kind: 'networks',
        wishes: [
          wish('lab', { ips: ['10.1.0.9', 'fd00::9'], mac: '02:00:00:00:00:01', aliases: ['db'] }),
          wish('dmz'),
        ],
      },
    ],
    [
      {
        network: [
          'lab:rate=10mbit,egress_rate=2mbit,burst=256kbit',
          'name=dmz,driver-opt=tsnet.ingress_rate=1gbit',
        ],
        ingressRate: '20mbit',
      },
      {
        kind: 'networks',
        wishes: [
          wish('lab', {
            shaping: {
              ingress: { rate: 20e6, burst: 256e3 },
              egress: { rate: 2e6, burst: 256e3 },
            },
          }),
          wish('dmz', { shaping: { ingress: { rate: 1e9 } } }),
        ],
      },
    ],
    [
      { rate: '10mbit', driverOpt: ['tsnet.egress_rate=1mbit'] },
      {
        kind: 'networks',
        wishes: [wish('bridge', { shaping: { ingress: { rate: 10e6 }, egress: { rate: 1e6 } } })],
      },
    ],
  ])('reads %j', (flags, mode) => {
    expect(parseNetworkFlags(flags)).toEqual(mode);
  });

  it.each([
    [{ network: [''] }, '--network: "" is not allowed'],
    [{ network: ['container:'] }, 'container: and the name of a sandbox'],
    [{ network: ['none', 'lab'] }, '"none" is not allowed, expected only this one'],
    [{ network: ['lab', 'container:web'] }, 'expected only this one'],
    [{ network: ['lab:ip'] }, 'is not allowed, expected NETWORK'],
    [{ network: ['lab:size=3'] }, 'is not allowed, expected NETWORK'],
    [{ network: ['ip=10.1.0.9'] }, 'is not allowed, expected NETWORK'],
    [{ network: ['lab:mac=01:00:00:00:00:00'] }, '--network mac: "01:00:00:00:00:00" is not allowed'],
    [{ network: ['lab:alias=a b'] }, '--network alias: "a b" is not allowed'],
    [
      { network: ['host'], ip: '10.1.0.9' },
      '--ip: "10.1.0.9" is not allowed, expected none with --network host',
    ],
    [{ network: ['none'], alias: ['db'] }, '--network-alias: "db" is not allowed'],
    [{ network: ['container:web'], macAddress: '02:00:00:00:00:01' }, 'of the other sandbox'],
    [
      { network: ['none'], rate: '1mbit' },
      '--rate: "1mbit" is not allowed, expected none with --network none',
    ],
    [{ network: ['host'], egressRate: '1mbit' }, '--egress-rate: "1mbit" is not allowed'],
    [{ rate: 'fast' }, '--rate: "fast" is not allowed, expected bits per second'],
    [
      { burst: '1kbit' },
      '--burst: "1kbit" is not allowed, expected nothing, because tsnet.rate is not given',
    ],
    [{ network: ['lab:egress_rate=x'] }, '--network egress_rate: "x" is not allowed'],
    [{ network: ['lab:driver-opt=tsnet.icc=1'] }, '--network driver-opt: "tsnet.icc=1" is not allowed'],
    [{ driverOpt: ['rate=1mbit'] }, '--driver-opt: "rate=1mbit" is not allowed, expected tsnet.rate=…'],
    [{ ip: 'fd00::1' }, '--ip: "fd00::1" is not allowed, expected an IPv4 address'],
    [{ ip6: '10.1.0.9' }, '--ip6: "10.1.0.9" is not allowed, expected an IPv6 address'],
  ])('refuses %j', (flags, message) => {
    expect(() => parseNetworkFlags(flags)).toThrow(message);
  });
});
