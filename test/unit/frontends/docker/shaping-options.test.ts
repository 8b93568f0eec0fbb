import { describe, expect, it } from 'vitest';
import { parseNetworkOptions } from '../../../../src/frontends/docker/network-options.ts';
import { parseEndpointOptions } from '../../../../src/frontends/docker/shaping-options.ts';

const shapingOf = (options: Readonly<Record<string, string>>) => parseNetworkOptions(options).shaping;

describe('options of a network that limit speed', () => {
  it.each([
    [{}, undefined],
    [{ 'tsnet.rate': '10mbit' }, { ingress: { rate: 10e6 }, egress: { rate: 10e6 } }],
    [{ rate: '10mbit' }, { ingress: { rate: 10e6 }, egress: { rate: 10e6 } }],
    [{ 'tsnet.ingress_rate': '1gbit' }, { ingress: { rate: 1e9 } }],
    [{ egress_rate: '5000000' }, { egress: { rate: 5e6 } }],
    [
      { 'tsnet.rate': '10mbit', egress_rate: '1mbit' },
      { ingress: { rate: 10e6 }, egress: { rate: 1e6 } },
    ],
    [
      { 'tsnet.rate': '10mbit', 'tsnet.burst': '1mbit', 'tsnet.egress_burst': '2mbit' },
      { ingress: { rate: 10e6, burst: 1e6 }, egress: { rate: 10e6, burst: 2e6 } },
    ],
    [{ ingress_rate: '10mbit', burst: '1mbit' }, { ingress: { rate: 10e6, burst: 1e6 } }],
  ])('%j', (options, expected) => {
    expect(shapingOf(options)).toEqual(expected);
  });

  it.each([
    [{ 'tsnet.rate': '10mbps' }, 'option tsnet.rate: "10mbps" is not allowed, expected bits per second'],
    [{ rate: '0' }, 'option rate: "0" is not allowed'],
    [{ rate: '' }, 'option rate: "" is not allowed'],
    [{ rate: '1mbit', burst: '-1' }, 'option burst: "-1" is not allowed, expected a number of bits'],
    [
      { 'tsnet.burst': '1mbit' },
      'option tsnet.burst: "1mbit" is not allowed, expected nothing, because tsnet.rate',
    ],
    [
      { ingress_rate: '1mbit', egress_burst: '1mbit' },
      'option egress_burst: "1mbit" is not allowed, expected nothing, because tsnet.egress_rate',
    ],
    [{ rate: '1mbit', 'tsnet.rate': '2mbit' }, 'the value of rate, which means the same'],
    [{ 'tsnet.ingress.rate': '1mbit' }, 'tsnet.ingress_rate, tsnet.egress_rate'],
  ])('%j is refused', (options: Record<string, string>, message) => {
    expect(() => shapingOf(options)).toThrow(message);
  });
});

describe('driver options of an endpoint', () => {
  it('stand among the options of the engine', () => {
    const options = {
      'com.docker.network.endpoint.exposedports': [],
      'com.docker.network.portmap': [],
      rate: '7mbit',
      'tsnet.egress_rate': '2mbit',
    };
    expect(parseEndpointOptions(options)).toEqual({ shaping: { egress: { rate: 2e6 } } });
    expect(parseEndpointOptions({})).toEqual({});
  });

  it.each([
    [{ 'tsnet.mtu': '1400' }, 'driver option tsnet.mtu: "1400" is not allowed, expected one of tsnet.rate'],
    [{ 'tsnet.rate': 5 }, 'driver option tsnet.rate: 5 is not allowed'],
    [{ 'tsnet.rate': 'fast' }, 'driver option tsnet.rate: "fast" is not allowed, expected bits per second'],
  ])('%j is refused', (options, message) => {
    expect(() => parseEndpointOptions(options)).toThrow(message);
  });
});
