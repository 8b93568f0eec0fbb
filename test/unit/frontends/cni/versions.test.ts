import { describe, expect, it } from 'vitest';
import { runCni } from '../../../../src/frontends/cni/index.ts';
import { encodeResult } from '../../../../src/frontends/cni/encode-result.ts';
import { parseResult, type CniResult } from '../../../../src/frontends/cni/result.ts';
import { supportedVersions } from '../../../../src/frontends/cni/versions.ts';
import { parseAddress, parseIp, parseSubnet } from '../../../../src/model/index.ts';
import { call, noHost } from './call.ts';

const all = '0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0';

describe('VERSION', () => {
  it.each(['', '{"cniVersion":"9.9.9"}', 'no'])('needs no input (%j) and no host', async (stdin) => {
    const { exitCode, stdout } = await call('VERSION', stdin, {
      CNI_NETNS: 'dummy',
      CNI_CONTAINERID: undefined,
    });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ cniVersion: '1.1.0', supportedVersions: all.split(', ') });
  });
});

describe('no command', () => {
  it('says what this is on standard error, and succeeds', async () => {
    for (const env of [{}, { CNI_COMMAND: '' }]) {
      const answer = await runCni(noHost, { env, stdin: '', name: 'tsnet-ipam' });
      expect(answer).toEqual({
        exitCode: 0,
        stdout: '',
        stderr: `CNI tsnet-ipam plugin\nCNI protocol versions supported: ${all}\n`,
      });
    }
  });
});

const result: CniResult = {
  interfaces: [
    { name: 'br0', mac: '02:42:0a:01:00:01', mtu: 1500 },
    { name: 'eth0', mac: '02:42:0a:01:00:02', sandbox: '/run/netns/a', socketPath: '/s', pciID: '1' },
  ],
  ips: [
    { address: parseAddress('10.1.0.2/24'), gateway: parseIp('10.1.0.1'), interface: 1 },
    { address: parseAddress('10.2.0.2/24'), interface: 1 },
    { address: parseAddress('fd00::2/64'), gateway: parseIp('fd00::1'), interface: 1 },
  ],
  routes: [
    { dst: parseSubnet('0.0.0.0/0'), gw: parseIp('10.1.0.1'), mtu: 1400, priority: 7 },
    { dst: parseSubnet('fd01::/64') },
  ],
  dns: { nameservers: ['192.0.2.1'], search: [], domain: '' },
};

const olderInterfaces = [
  { name: 'br0', mac: '02:42:0a:01:00:01' },
  { name: 'eth0', mac: '02:42:0a:01:00:02', sandbox: '/run/netns/a' },
];
const olderRoutes = [{ dst: '0.0.0.0/0', gw: '10.1.0.1' }, { dst: 'fd01::/64' }];
const dns = { nameservers: ['192.0.2.1'] };

describe('a result', () => {
  it('has everything in 1.1.0', () => {
    expect(encodeResult(result, '1.1.0')).toEqual({ cniVersion: '1.1.0', ...result, dns });
  });

  it('has less in 1.0.0', () => {
    expect(encodeResult(result, '1.0.0')).toEqual({
      cniVersion: '1.0.0',
      interfaces: olderInterfaces,
      ips: result.ips,
      routes: olderRoutes,
      dns,
    });
  });

  it.each(['0.3.0', '0.3.1', '0.4.0'] as const)('names the version of addresses in %s', (version) => {
    expect(encodeResult(result, version)).toEqual({
      cniVersion: version,
      interfaces: olderInterfaces,
      ips: result.ips.map((ip, index) => ({ version: index === 2 ? '6' : '4', ...ip })),
      routes: olderRoutes,
      dns,
    });
  });

  it.each(['0.1.0', '0.2.0'] as const)('has one address of each family in %s', (version) => {
    expect(encodeResult(result, version)).toEqual({
      cniVersion: version,
      ip4: { ip: '10.1.0.2/24', gateway: '10.1.0.1', routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1' }] },
      ip6: { ip: 'fd00::2/64', gateway: 'fd00::1', routes: [{ dst: 'fd01::/64' }] },
      dns,
    });
  });

  it('without an address can not be told in 0.2.0', () => {
    expect(() => encodeResult({ ...result, ips: [] }, '0.2.0')).toThrow('0.2.0');
  });

  it('has no empty parts, but for name servers until 0.4.0, as runtimes know it', () => {
    const empty: CniResult = { interfaces: [], ips: [], routes: [], dns: {} };
    expect(encodeResult(empty, '1.1.0')).toEqual({ cniVersion: '1.1.0', ips: [] });
    expect(encodeResult(empty, '0.4.0')).toEqual({ cniVersion: '0.4.0', ips: [], dns: {} });
  });

  it.each(supportedVersions)('is read as it was written in %s', (version) => {
    const written = encodeResult(result, version);
    const read = parseResult(JSON.parse(JSON.stringify(written)), version, 'result');
    expect(encodeResult(read, version)).toEqual(written);
  });
});
