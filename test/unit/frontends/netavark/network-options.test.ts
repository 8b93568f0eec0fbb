import { describe, expect, it } from 'vitest';
import { parsePodmanOptions } from '../../../../src/frontends/netavark/network-options.ts';

const plain = { network: { allowsIcc: true, masquerades: true }, hasDefaultRoute: true };

describe('the options of a network', () => {
  it.each([
    [{}, plain],
    [{ mtu: '1400' }, { ...plain, network: { ...plain.network, mtu: 1400 } }],
    [{ mtu: '0', isolate: 'true', mode: 'managed' }, plain],
    [{ isolate: 'strict' }, plain],
    [{ metric: '0' }, { ...plain, metric: 0 }],
    [{ no_default_route: '1' }, { ...plain, hasDefaultRoute: false }],
    [
      { outbound_addr4: '192.0.2.1' },
      { ...plain, network: { ...plain.network, hostSources: ['192.0.2.1'] } },
    ],
    [{ 'tsnet.icc': 'false' }, { ...plain, network: { ...plain.network, allowsIcc: false } }],
    [
      { 'tsnet.rate': '10mbit', 'tsnet.egress_rate': '2mbit' },
      {
        ...plain,
        network: { ...plain.network, shaping: { ingress: { rate: 10e6 }, egress: { rate: 2e6 } } },
      },
    ],
    [{ 'com.docker.network.driver.mtu': '1300' }, { ...plain, network: { ...plain.network, mtu: 1300 } }],
  ])('%j', (options, parsed) => {
    expect(parsePodmanOptions(options as Record<string, string>, false)).toEqual(parsed);
  });

  it.each([
    [{ colour: 'red' }, /option: "colour" is not allowed, expected one of mtu, isolate/],
    [{ icc: 'false' }, /option: "icc" is not allowed/],
    [{ 'tsnet.colour': 'red' }, /option tsnet\.colour: "red" is not allowed/],
    [{ 'com.docker.network.colour': 'red' }, /option: "com\.docker\.network\.colour" is not allowed/],
    [{ mtu: '12' }, /option mtu: "12" is not allowed/],
    [{ metric: '-1' }, /option metric: "-1" is not allowed/],
    [{ metric: '4294967296' }, /option metric/],
    [{ isolate: 'false' }, /option isolate: networks of this driver are always kept apart/],
    [{ isolate: 'perhaps' }, /option isolate: "perhaps" is not allowed/],
    [{ mode: 'unmanaged' }, /option mode: "unmanaged" is not known/],
    [{ vlan: '5' }, /option vlan: the bridge has no VLANs/],
    [{ vrf: 'red' }, /option vrf: the bridge belongs to no VRF/],
    [{ outbound_addr4: 'fd00::1' }, /host_ipv4.*"fd00::1" is not allowed/],
    [{ constructor: 'x' }, /option: "constructor" is not allowed/],
  ])('%j is refused', (options, message) => {
    expect(() => parsePodmanOptions(options as unknown as Record<string, string>, false)).toThrow(message);
  });
});
