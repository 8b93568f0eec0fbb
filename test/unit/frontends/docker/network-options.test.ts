import { describe, expect, it } from 'vitest';
import { parseNetworkOptions } from '../../../../src/frontends/docker/network-options.ts';

describe('network options', () => {
  it('have the defaults of a bridge network', () => {
    expect(parseNetworkOptions({})).toEqual({ allowsIcc: true, masquerades: true });
  });

  it.each([
    ['com.docker.network.driver.mtu', '1400', { mtu: 1400 }],
    ['mtu', '9000', { mtu: 9000 }],
    ['tsnet.mtu', '1280', { mtu: 1280 }],
    ['com.docker.network.bridge.name', 'br-lab', { bridge: 'br-lab' }],
    ['bridge', 'lab.1', { bridge: 'lab.1' }],
    ['com.docker.network.bridge.enable_icc', 'false', { allowsIcc: false }],
    ['icc', '0', { allowsIcc: false }],
    ['com.docker.network.bridge.enable_ip_masquerade', 'F', { masquerades: false }],
    ['masquerade', 'TRUE', { masquerades: true }],
    ['com.docker.network.bridge.host_binding_ipv4', '127.0.0.1', { hostBindings: ['127.0.0.1'] }],
    ['com.docker.network.bridge.host_binding_ipv4', '0.0.0.0', {}],
    ['com.docker.network.container_iface_prefix', 'net', { interfacePrefix: 'net' }],
    ['somebody.elses.key', 'anything', {}],
  ])('%s=%s', (key, value, expected) => {
    expect(parseNetworkOptions({ [key]: value })).toEqual({
      allowsIcc: true,
      masquerades: true,
      ...expected,
    });
  });

  it.each([
    ['mtu', '67', 'option mtu: "67" is not allowed, expected a number of bytes from 68 to 65535'],
    ['mtu', '1e3', 'from 68 to 65535'],
    ['mtu', '', 'from 68 to 65535'],
    ['icc', 'yes', 'option icc: "yes" is not allowed, expected true or false'],
    ['bridge', 'a-name-that-is-too-long', '1 to 15 letters'],
    ['bridge', '$(reboot)', '1 to 15 letters'],
    ['com.docker.network.bridge.host_binding_ipv4', '300.1.1.1', 'an IPv4 or IPv6 address'],
    ['interface_prefix', '0eth', 'a letter'],
    [
      'tsnet.mtuu',
      '1400',
      'option tsnet.mtuu: "1400" is not allowed, expected one of tsnet.bridge, tsnet.mtu',
    ],
  ])('refuse %s=%s and say what is allowed', (key, value, message) => {
    expect(() => parseNetworkOptions({ [key]: value })).toThrow(message);
  });

  it('refuse one setting given twice in two ways, and take it twice in the same', () => {
    const both = (short: string) => ({ mtu: short, 'com.docker.network.driver.mtu': '1400' });
    expect(() => parseNetworkOptions(both('1500'))).toThrow(
      'expected the value of mtu, which means the same',
    );
    expect(parseNetworkOptions(both('1400')).mtu).toBe(1400);
  });
});
