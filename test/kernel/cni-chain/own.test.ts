import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addressesOf, createCniHost, failureOf, listOf, type CniHost } from '../../support/libcni-host.ts';
import { ask, listen, reaches, show } from './probes.ts';

// Our plugin alone, as libcni calls it: an executable of its own for each verb.
const tsnet = {
  type: 'tsnet',
  bridge: 'br0',
  isDefaultGateway: true,
  ipMasq: true,
  capabilities: { portMappings: true, ips: true, mac: true, ipRanges: true },
  ipam: { type: 'tsnet-ipam', ranges: [[{ subnet: '10.78.0.0/29' }], [{ subnet: 'fd00:78::/64' }]] },
};
const list = listOf([tsnet], { cniVersion: '0.4.0', cniVersions: ['0.4.0', '1.0.0', '1.1.0'] });
const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '' }];

describe.each(['with the daemon', 'without the daemon'] as const)('tsnet alone %s', (mode) => {
  let host: CniHost;
  beforeEach(async () => {
    host = await createCniHost(mode);
  });
  afterEach(async () => {
    await host[Symbol.asyncDispose]();
  });

  it('speaks the highest version, and VERSION needs nothing', async () => {
    expect(list.cniVersion).toBe('1.1.0');
    expect(await host.libcni.version('tsnet')).toContain('1.1.0');
    await host.libcni.status(list);
  });

  it('attaches, publishes, checks, ends and leaves nothing', async () => {
    const conf = host.conf(0, { capabilityArgs: { portMappings, mac: '02:00:00:00:00:07' } });
    const result = await host.libcni.add(list, conf);
    await host.libcni.add(list, host.conf(1));
    expect(result['cniVersion']).toBe('1.1.0');
    expect(addressesOf(result)).toEqual(['10.78.0.2/29', 'fd00:78::2/64']);
    expect(await show(host.boxes[0], 'link', 'eth0')).toContain('02:00:00:00:00:07');
    expect(await reaches(host.boxes[1], '10.78.0.2')).toBe(true);
    expect(await reaches(host.boxes[1], 'fd00:78::2')).toBe(true);
    await using _server = await listen(host.boxes[0], 'web');
    expect(await ask(host.netns, '127.0.0.1:8080')).toBe('web 80');
    await host.libcni.check(list, conf);
    await host.libcni.status(list);
    await host.libcni.del(list, conf);
    await host.libcni.del(list, conf);
    await expect(ask(host.netns, '127.0.0.1:8080')).rejects.toThrow();
    await host.libcni.del(list, host.conf(1));
    expect(await host.traces()).toEqual([]);
  });

  it('ends without namespace, cache and result', async () => {
    const conf = host.conf(0, { capabilityArgs: { portMappings } });
    await host.libcni.add(list, conf);
    host.libcni.forget(list, conf);
    await host.libcni.del(list, { ...conf, netns: '' });
    expect(await host.traces()).toEqual([]);
    await expect(show(host.boxes[0], 'link', 'eth0')).rejects.toThrow();
    await host.libcni.del(list, { ...conf, netns: '/run/netns/gone' });
  });

  it('collects what is not valid, with and without the memory of the runtime', async () => {
    await host.libcni.add(list, host.conf(0));
    await host.libcni.add(list, host.conf(1));
    await host.libcni.add(list, host.conf(1, { ifName: 'eth1' }));
    // A runtime that lost its cache sends no DEL of its own.
    host.libcni.forget(list, host.conf(0));
    host.libcni.forget(list, host.conf(1));
    await host.libcni.gc(list);
    expect(await show(host.boxes[0], 'link', 'eth0')).not.toBe('');
    await host.libcni.gc(list, [{ containerID: 'container-1', ifname: 'eth0' }]);
    await expect(show(host.boxes[0], 'link', 'eth0')).rejects.toThrow();
    await expect(show(host.boxes[1], 'link', 'eth1')).rejects.toThrow();
    expect(await show(host.boxes[1], 'link', 'eth0')).not.toBe('');
    await host.libcni.gc(list, []);
    expect(await host.traces()).toEqual([]);
  });

  it('says when it is full, in STATUS and in ADD, and a failed ADD leaves nothing', async () => {
    const single = listOf(
      [{ ...tsnet, ipam: { type: 'tsnet-ipam', ranges: [[{ subnet: '10.79.0.0/30' }]] } }],
      { cniVersion: '1.1.0' },
    );
    await host.libcni.status(single);
    await host.libcni.add(single, host.conf(0));
    const status = await failureOf(host.libcni.status(single));
    expect([50, 51]).toContain(status.code);
    const before = await host.traces();
    const failure = await failureOf(host.libcni.add(single, host.conf(1)));
    expect(failure.message).toMatch(/10\.79\.0\.0\/30/);
    await expect(show(host.boxes[1], 'link', 'eth0')).rejects.toThrow();
    expect(await host.traces()).toEqual(before);
  });
});
