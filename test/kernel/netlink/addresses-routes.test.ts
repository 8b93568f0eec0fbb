import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Rtnetlink } from '../../../src/kernel/netlink/index.ts';
import { parseAddress, parseIfName, parseIp, parseMac, parseSubnet } from '../../../src/model/index.ts';
import { createNetns, type Netns } from '../../support/netns.ts';

let host: Netns;
let rtnetlink: Rtnetlink;
const bridge = parseIfName('br0');

beforeAll(async () => {
  host = await createNetns('routes');
  rtnetlink = Rtnetlink.open(host.path);
  await rtnetlink.createBridge({ name: bridge, up: true });
  await rtnetlink.createVeth({
    name: parseIfName('v0'),
    master: bridge,
    up: true,
    peer: { name: parseIfName('v1') },
  });
  await rtnetlink.setLink('v1', { up: true });
});

afterAll(async () => {
  rtnetlink[Symbol.dispose]();
  await host[Symbol.asyncDispose]();
});

async function witness<T>(...args: string[]): Promise<T> {
  const { stdout } = await host.exec('ip', '-j', ...args);
  return JSON.parse(stdout === '' ? '[]' : stdout) as T;
}

describe('addresses', () => {
  const v4 = parseAddress('10.1.0.1/24');
  const v6 = parseAddress('fd00:1::1/64');

  it('are given, seen alike by another program, refused twice, and taken', async () => {
    await rtnetlink.addAddress({ link: bridge, address: v4 });
    await rtnetlink.addAddress({ link: bridge, address: v6, noDad: true });
    const [seen] = await witness<{ addr_info: object[] }[]>('addr', 'show', 'br0');
    expect(seen?.addr_info).toMatchObject([
      { family: 'inet', local: '10.1.0.1', prefixlen: 24, scope: 'global' },
      { family: 'inet6', local: 'fd00:1::1', prefixlen: 64, scope: 'global', nodad: true },
      { scope: 'link' },
    ]);
    const listed = await rtnetlink.listAddresses({ link: bridge });
    expect(listed.filter(({ scope }) => scope === 'global').map(({ address }) => address)).toEqual([v4, v6]);
    expect(listed.find(({ address }) => address === v6)?.isTentative).toBe(false);
    await expect(rtnetlink.addAddress({ link: bridge, address: v4 })).rejects.toMatchObject({
      kind: 'conflict',
    });
    expect((await rtnetlink.listAddresses({ family: 4 })).map(({ address }) => address)).toEqual([
      '127.0.0.1/8',
      v4,
    ]);
    await expect(rtnetlink.deleteAddress({ link: bridge, address: v4 })).resolves.toBe(true);
    await expect(rtnetlink.deleteAddress({ link: bridge, address: v4 })).resolves.toBe(false);
    await expect(rtnetlink.deleteAddress({ link: 'nobr', address: v4 })).resolves.toBe(false);
    await expect(rtnetlink.addAddress({ link: 'nobr', address: v4 })).rejects.toMatchObject({
      kind: 'not-found',
    });
    await rtnetlink.deleteAddress({ link: bridge, address: v6 });
  });

  it('with a far end tell both', async () => {
    await host.exec('ip', 'addr', 'add', '10.8.0.1', 'peer', '10.8.0.2/32', 'dev', 'br0');
    expect(await rtnetlink.listAddresses({ link: bridge, family: 4 })).toMatchObject([
      { address: '10.8.0.1/32', peer: '10.8.0.2' },
    ]);
    await host.exec('ip', 'addr', 'flush', 'dev', 'br0');
  });
});

describe('routes', () => {
  it('are made, found, seen alike and deleted', async () => {
    await rtnetlink.addAddress({ link: bridge, address: parseAddress('10.1.0.1/24') });
    await rtnetlink.addAddress({ link: bridge, address: parseAddress('fd00:1::1/64'), noDad: true });
    const gateway = parseIp('10.1.0.254');
    await rtnetlink.addRoute({ gateway });
    await rtnetlink.addRoute({
      destination: parseSubnet('10.9.0.0/16'),
      link: bridge,
      table: 1000,
      metric: 5,
    });
    await rtnetlink.addRoute({
      destination: parseSubnet('fd00:9::/32'),
      gateway: parseIp('fd00:1::9'),
      mtu: 1300,
    });
    await rtnetlink.addRoute({ destination: parseSubnet('10.66.0.0/16'), type: 'unreachable' });
    expect(await witness('route', 'show', 'table', '1000')).toMatchObject([
      { dst: '10.9.0.0/16', dev: 'br0', scope: 'link', metric: 5 },
    ]);
    expect(await witness('route', 'show', 'default')).toMatchObject([{ gateway }]);
    const routes = await rtnetlink.listRoutes();
    const index = (await rtnetlink.readLinks([bridge])).get('br0')?.index;
    expect(routes).toContainEqual(
      expect.objectContaining({
        family: 4,
        destination: undefined,
        table: 254,
        nextHops: [{ gateway, linkIndex: index, weight: 1 }],
      }),
    );
    expect(routes.find(({ destination }) => destination === 'fd00:9::/32')).toMatchObject({ mtu: 1300 });
    expect(routes.find(({ destination }) => destination === '10.66.0.0/16')).toMatchObject({
      type: 'unreachable',
    });
    expect(await rtnetlink.listRoutes({ table: 1000 })).toHaveLength(1);
    expect(await rtnetlink.listRoutes({ table: 4242 })).toEqual([]);
    expect(await rtnetlink.getRoute({ to: parseIp('10.1.0.77') })).toMatchObject({
      source: '10.1.0.1',
      table: 254,
    });
    await expect(rtnetlink.addRoute({ gateway })).rejects.toMatchObject({ kind: 'conflict' });
    await expect(rtnetlink.deleteRoute({ gateway })).resolves.toBe(true);
    await expect(rtnetlink.deleteRoute({ gateway })).resolves.toBe(false);
    expect(await rtnetlink.getRoute({ to: parseIp('203.0.113.1') })).toBeUndefined();
    expect(await rtnetlink.getRoute({ to: parseIp('2001:db8::1') })).toBeUndefined();
  });

  it('of several hops tell all', async () => {
    const hops = 'nexthop via 10.1.0.8 weight 3 nexthop via 10.1.0.9';
    await host.exec('ip', 'route', 'add', '10.55.0.0/16', ...hops.split(' '));
    const route = (await rtnetlink.listRoutes({ family: 4 })).find(
      (one) => one.destination === '10.55.0.0/16',
    );
    expect(route?.nextHops).toMatchObject([
      { gateway: '10.1.0.8', weight: 3 },
      { gateway: '10.1.0.9', weight: 1 },
    ]);
  });
});

describe('policy rules', () => {
  it('are made, seen alike and deleted', async () => {
    const rule = {
      family: 4,
      priority: 100,
      from: parseSubnet('10.1.0.0/24'),
      mark: 0x10,
      markMask: 0xff,
      inputLink: 'br0',
      action: 'table',
      table: 1000,
    } as const;
    await rtnetlink.addRule(rule);
    expect(await witness('rule', 'list', 'priority', '100')).toMatchObject([
      {
        priority: 100,
        src: '10.1.0.0',
        srclen: 24,
        fwmark: '0x10',
        fwmask: '0xff',
        iif: 'br0',
        table: '1000',
      },
    ]);
    const rules = await rtnetlink.listRules();
    expect(rules).toContainEqual(rule);
    expect(rules.filter(({ family }) => family === 4).map(({ priority }) => priority)).toEqual([
      0, 100, 32766, 32767,
    ]);
    await expect(rtnetlink.addRule(rule)).rejects.toMatchObject({ kind: 'conflict' });
    await expect(rtnetlink.deleteRule(rule)).resolves.toBe(true);
    await expect(rtnetlink.deleteRule(rule)).resolves.toBe(false);
  });
});

describe('neighbours', () => {
  const ip = parseIp('10.1.0.50');
  const mac = parseMac('02:42:0a:01:00:32');

  it('are made known, seen alike and forgotten', async () => {
    await rtnetlink.addNeighbour({ link: bridge, ip, mac });
    expect(await witness('neigh', 'show', 'dev', 'br0')).toContainEqual(
      expect.objectContaining({ dst: ip, lladdr: mac, state: ['PERMANENT'] }),
    );
    expect(await rtnetlink.listNeighbours()).toContainEqual(
      expect.objectContaining({ ip, mac, state: 'permanent', family: 4 }),
    );
    await expect(rtnetlink.addNeighbour({ link: bridge, ip, mac })).rejects.toMatchObject({
      kind: 'conflict',
    });
    await expect(rtnetlink.deleteNeighbour({ link: bridge, ip })).resolves.toBe(true);
    await expect(rtnetlink.deleteNeighbour({ link: bridge, ip })).resolves.toBe(false);
  });

  it('of a bridge are those of its ports, not of other bridges', async () => {
    await host.exec('ip', 'link', 'add', 'br1', 'type', 'bridge');
    await host.exec('bridge', 'fdb', 'add', mac, 'dev', 'v0', 'master', 'static');
    const { stdout } = await host.exec('bridge', '-j', 'fdb', 'show', 'br', 'br0');
    const seen = (JSON.parse(stdout) as { mac: string; ifname: string; master?: string }[])
      // The second witness also lists what the ports' own hardware listens to.
      .filter(({ ifname, master }) => ifname === 'br0' || master === 'br0')
      .map((entry) => `${entry.mac} ${entry.ifname}`);
    const names = new Map((await rtnetlink.listLinks()).map(({ index, name }) => [index, name]));
    const entries = await rtnetlink.listForwardingDatabase(bridge);
    const listed = entries.map((entry) => `${entry.mac} ${names.get(entry.linkIndex)}`);
    expect(listed.sort()).toEqual(seen.sort());
    expect(listed).toContain(`${mac} v0`);
    expect(listed.some((line) => line.endsWith('br1'))).toBe(false);
  });
});
