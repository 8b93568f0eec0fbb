import { describe, expect, it } from 'vitest';
import { parseNetworkOptions, unknownDockerKeys } from '../../../../src/frontends/docker/network-options.ts';

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
    ['tsnet.host_binding_ipv6', 'fd00::1', { hostBindings: ['fd00::1'] }],
    ['com.docker.network.bridge.name', '', {}],
    ['com.docker.network.driver.mtu', '0', {}],
    ['com.docker.network.bridge.gateway_mode_ipv4', 'routed', { gatewayMode4: 'routed' }],
    ['gateway_mode_ipv6', 'nat-unprotected', { gatewayMode6: 'nat-unprotected' }],
    ['com.docker.network.bridge.inhibit_ipv4', 'true', { inhibitsIpv4: true }],
    ['inhibit_ipv4', 'false', {}],
    ['com.docker.network.host_ipv4', '192.0.2.1', { hostSources: ['192.0.2.1'] }],
    ['host_ipv6', '2001:DB8::1', { hostSources: ['2001:db8::1'] }],
    [
      'com.docker.network.bridge.trusted_host_interfaces',
      'eth1:wg0:eth1',
      { trustedInterfaces: ['eth1', 'wg0'] },
    ],
    ['tsnet.antispoof', 'true', { antispoofs: true }],
    ['antispoof', 'false', {}],
    ['com.docker.network.bridge.unheard_of', 'anything', {}],
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
      'gateway_mode_ipv4',
      'Routed',
      '"Routed" is not allowed, expected nat, nat-unprotected, routed, isolated',
    ],
    ['host_ipv4', 'fd00::1', 'expected an IPv4 address'],
    ['host_ipv6', '192.0.2.1', 'expected an IPv6 address'],
    ['tsnet.host_binding_ipv6', '192.0.2.1', 'expected an IPv6 address'],
    ['trusted_host_interfaces', '', 'names of interfaces with colons between them'],
    ['trusted_host_interfaces', 'eth1 eth2', '1 to 15 letters'],
    ['tsnet.antispoof', 'on', 'option tsnet.antispoof: "on" is not allowed, expected true or false'],
    [
      'gateway_mode_ipv4',
      'isolated',
      'option gateway_mode_ipv4: "isolated" is not allowed, expected nat, nat-unprotected or routed, or the network',
    ],
    [
      'tsnet.mtuu',
      '1400',
      'option tsnet.mtuu: "1400" is not allowed, expected one of tsnet.bridge, tsnet.mtu',
    ],
  ])('refuse %s=%s and say what is allowed', (key, value, message) => {
    expect(() => parseNetworkOptions({ [key]: value })).toThrow(message);
  });

  it.each([
    [{ gateway_mode_ipv4: 'routed', host_ipv4: '192.0.2.1' }, 'option host_ipv4: "192.0.2.1" is not allowed'],
    [{ masquerade: 'false', host_ipv6: 'fd00::1' }, 'none, because of enable_ip_masquerade=false'],
    [
      { gateway_mode_ipv4: 'routed', host_binding_ipv4: '127.0.0.1' },
      'option host_binding_ipv4: "127.0.0.1" is not allowed',
    ],
  ])('refuse %j, which can’t both hold', (options, message) => {
    expect(() => parseNetworkOptions(options)).toThrow(message);
  });

  it('refuse ways into an internal network', () => {
    expect(() => parseNetworkOptions({ trusted_host_interfaces: 'eth1' }, true)).toThrow(
      'nothing comes into an internal network',
    );
    expect(parseNetworkOptions({ gateway_mode_ipv4: 'isolated' }, true).gatewayMode4).toBe('isolated');
  });

  it('go together where each speaks of another address family', () => {
    const options = {
      gateway_mode_ipv6: 'routed',
      host_ipv4: '192.0.2.1',
      host_binding_ipv4: '0.0.0.0',
      host_binding_ipv6: '::1',
    };
    expect(() => parseNetworkOptions(options)).toThrow('host_binding_ipv6: "::1"');
    expect(parseNetworkOptions({ ...options, gateway_mode_ipv6: 'nat' })).toMatchObject({
      hostSources: ['192.0.2.1'],
      hostBindings: ['0.0.0.0', '::1'],
    });
  });

  it('of Docker that are unknown are named', () => {
    expect(
      unknownDockerKeys({
        'com.docker.network.bridge.unheard_of': '',
        'com.docker.network.bridge.enable_icc': '',
        'com.docker.network.enable_ipv6': '',
        'somebody.elses.key': '',
        mtu: '',
      }),
    ).toEqual(['com.docker.network.bridge.unheard_of']);
  });

  it('refuse one setting given twice in two ways, and take it twice in the same', () => {
    const both = (short: string) => ({ mtu: short, 'com.docker.network.driver.mtu': '1400' });
    expect(() => parseNetworkOptions(both('1500'))).toThrow(
      'expected the value of mtu, which means the same',
    );
    expect(parseNetworkOptions(both('1400')).mtu).toBe(1400);
  });
});
