import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addressesOf, createCniHost, failureOf, listOf, type CniHost } from '../../support/libcni-host.ts';
import { reaches, show } from './probes.ts';

// Our main plugin with the address management of others, and ours with their main plugins.
let host: CniHost;
beforeEach(async () => {
  host = await createCniHost('with the daemon');
});
afterEach(async () => {
  await host[Symbol.asyncDispose]();
});

const tsnet = { type: 'tsnet', bridge: 'br0', isDefaultGateway: true, ipMasq: true };
const ranges = [[{ subnet: '10.78.0.0/24' }]];

describe('tsnet with', () => {
  it('host-local: what it gives, and it gets it back', async () => {
    const dataDir = join(host.folder, 'ipam');
    const list = listOf([{ ...tsnet, ipam: { type: 'host-local', dataDir, ranges } }]);
    expect(addressesOf(await host.libcni.add(list, host.conf(0)))).toEqual(['10.78.0.2/24']);
    expect(addressesOf(await host.libcni.add(list, host.conf(1)))).toEqual(['10.78.0.3/24']);
    expect(await reaches(host.boxes[0], '10.78.0.3')).toBe(true);
    expect(await show(host.boxes[0], 'route', 'eth0')).toContain('default via 10.78.0.1');
    await host.libcni.check(list, host.conf(0));
    const files = () => readdirSync(join(dataDir, 'net')).filter((file) => file.startsWith('10.'));
    expect(files()).toEqual(['10.78.0.2', '10.78.0.3']);
    await host.libcni.del(list, { ...host.conf(0), netns: '' });
    await host.libcni.del(list, host.conf(1));
    expect(files()).toEqual([]);
    expect(await host.traces()).toEqual([]);
  });

  it('static: addresses, routes and gateway of the list', async () => {
    const ipam = {
      type: 'static',
      addresses: [{ address: '10.78.0.9/24', gateway: '10.78.0.1' }, { address: 'fd00:78::9/64' }],
      routes: [{ dst: '10.9.0.0/16', gw: '10.78.0.254' }],
    };
    const list = listOf([{ ...tsnet, isDefaultGateway: false, isGateway: true, ipam }]);
    expect(addressesOf(await host.libcni.add(list, host.conf(0)))).toEqual(['10.78.0.9/24', 'fd00:78::9/64']);
    expect(await show(host.boxes[0], 'route', 'eth0')).toContain('10.9.0.0/16 via 10.78.0.254');
    await host.libcni.check(list, host.conf(0));
    await host.libcni.del(list, host.conf(0));
    expect(await host.traces()).toEqual([]);
  });

  it('one that fails: its error, and nothing is left', async () => {
    const ipam = {
      type: 'host-local',
      dataDir: join(host.folder, 'ipam'),
      ranges: [[{ subnet: '10.78.0.1/24' }]],
    };
    const failure = await failureOf(host.libcni.add(listOf([{ ...tsnet, ipam }]), host.conf(0)));
    expect(failure.message).toMatch(/host bits set/);
    const missing = listOf([{ ...tsnet, ipam: { type: 'nowhere' } }]);
    expect((await failureOf(host.libcni.add(missing, host.conf(0)))).message).toMatch(/nowhere/);
    await expect(show(host.boxes[0], 'link', 'eth0')).rejects.toThrow();
    expect(await host.traces()).toEqual([]);
  });
});

describe('tsnet-ipam under', () => {
  const ipam = { type: 'tsnet-ipam', ranges, routes: [{ dst: '0.0.0.0/0' }] };
  // Their main plugins know no IP.
  const wishing = (box: number, ip: string) =>
    host.conf(box, {
      args: [
        ['IgnoreUnknown', '1'],
        ['IP', ip],
      ],
    });

  it('the reference bridge', async () => {
    const list = listOf([{ type: 'bridge', bridge: 'br0', isGateway: true, ipam }]);
    expect(addressesOf(await host.libcni.add(list, host.conf(0)))).toEqual(['10.78.0.2/24']);
    expect(addressesOf(await host.libcni.add(list, host.conf(1)))).toEqual(['10.78.0.3/24']);
    expect(await reaches(host.boxes[0], '10.78.0.3')).toBe(true);
    expect(await show(host.boxes[0], 'route', 'eth0')).toContain('default via 10.78.0.1');
    await host.libcni.check(list, host.conf(0));
    await host.libcni.del(list, { ...host.conf(0), netns: '' });
    await host.libcni.del(list, host.conf(1));
    const again = await host.libcni.add(list, wishing(1, '10.78.0.2'));
    expect(addressesOf(again)).toEqual(['10.78.0.2/24']);
    await host.libcni.del(list, host.conf(1));
  });

  it('macvlan', async () => {
    await host.netns.exec('ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up1');
    await host.netns.exec('ip', 'link', 'set', 'up0', 'up');
    await host.netns.exec('ip', 'link', 'set', 'up1', 'up');
    const list = listOf([{ type: 'macvlan', master: 'up0', ipam }]);
    expect(addressesOf(await host.libcni.add(list, host.conf(0)))).toEqual(['10.78.0.2/24']);
    expect(addressesOf(await host.libcni.add(list, host.conf(1)))).toEqual(['10.78.0.3/24']);
    expect(await reaches(host.boxes[0], '10.78.0.3')).toBe(true);
    const taken = { ...wishing(0, '10.78.0.3'), containerId: 'third', ifName: 'eth1' };
    expect((await failureOf(host.libcni.add(list, taken))).message).toMatch(/10\.78\.0\.3/);
    await host.libcni.del(list, host.conf(0));
    await host.libcni.del(list, host.conf(1));
  });
});
