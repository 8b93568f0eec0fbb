import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { netlinkProtocols, Rtnetlink } from '../../../src/kernel/netlink/index.ts';
import { NetlinkConnection } from '../../../src/kernel/netlink/connection.ts';
import { parseAddress, parseIfName, parseMac, type IfName } from '../../../src/model/index.ts';
import { createNetns, type Netns } from '../../support/netns.ts';

interface IpLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly link_index?: number;
  readonly mtu: number;
  readonly master?: string;
  readonly ifalias?: string;
  readonly address: string;
  readonly group: string;
  readonly flags: readonly string[];
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_slave_data?: { readonly hairpin: boolean; readonly isolated: boolean };
  };
}

let host: Netns;
let box: Netns;
let rtnetlink: Rtnetlink;

beforeAll(async () => {
  host = await createNetns('links');
  box = await createNetns('box');
  rtnetlink = Rtnetlink.open(host.path);
});

afterAll(async () => {
  rtnetlink[Symbol.dispose]();
  await box[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

const name = (text: string): IfName => parseIfName(text);

async function witness(where: Netns, link: string): Promise<IpLink | undefined> {
  const links = JSON.parse((await where.exec('ip', '-j', '-d', 'link')).stdout) as IpLink[];
  return links.find(({ ifname }) => ifname === link);
}

describe('create and change', () => {
  it('makes a marked bridge that another program sees alike', async () => {
    const mac = parseMac('02:42:0a:01:00:01');
    await rtnetlink.createBridge({ name: name('br0'), mac, mtu: 1400, alias: 'tsnet:network:x', up: true });
    expect(await witness(host, 'br0')).toMatchObject({
      address: mac,
      mtu: 1400,
      ifalias: 'tsnet:network:x',
      group: 'default',
      flags: expect.arrayContaining(['UP']) as string[],
      linkinfo: { info_kind: 'bridge' },
    });
    const read = (await rtnetlink.readLinks([name('br0'), name('absent')])).get('br0');
    expect(read).toMatchObject({
      kind: 'bridge',
      isUp: true,
      mac,
      mtu: 1400,
      alias: 'tsnet:network:x',
      group: 0,
    });
    expect(read?.bridge).toMatchObject({ stp: false, vlanFiltering: false, ageingSeconds: 300 });
  });

  it('makes a veth with its far end directly in another namespace, and packets pass', async () => {
    await rtnetlink.addAddress({ link: name('br0'), address: parseAddress('10.9.0.1/24') });
    const link = await rtnetlink.createVeth({
      name: name('tsv1'),
      alias: 'tsnet:endpoint:e',
      mtu: 1400,
      master: name('br0'),
      up: true,
      hairpin: true,
      isolated: true,
      peer: {
        name: name('eth0'),
        mac: parseMac('02:42:0a:09:00:02'),
        mtu: 1400,
        alias: 'far',
        netns: box.path,
      },
    });
    const far = await witness(box, 'eth0');
    expect(far).toMatchObject({
      ifindex: link.peerIndex,
      mtu: 1400,
      ifalias: 'far',
      address: '02:42:0a:09:00:02',
    });
    expect(await witness(host, 'tsv1')).toMatchObject({
      ifindex: link.index,
      link_index: link.peerIndex,
      master: 'br0',
      ifalias: 'tsnet:endpoint:e',
      mtu: 1400,
      group: 'default',
      linkinfo: { info_kind: 'veth', info_slave_data: { hairpin: true, isolated: true } },
    });
    expect(link).toMatchObject({
      kind: 'veth',
      group: 0,
      alias: 'tsnet:endpoint:e',
      peerNsid: expect.any(Number),
    });
    expect(link.bridgePort).toMatchObject({ hairpin: true, isolated: true, learning: true });
    using inside = Rtnetlink.open(box.path);
    await inside.setLink(name('eth0'), { up: true });
    await inside.addAddress({ link: name('eth0'), address: parseAddress('10.9.0.2/24') });
    const { stdout } = await box.exec('ping', '-c', '1', '-W', '2', '10.9.0.1');
    expect(stdout).toContain('1 received');
    await rtnetlink.setBridgePort(name('tsv1'), { isolated: false, hairpin: false });
    expect((await witness(host, 'tsv1'))?.linkinfo?.info_slave_data).toMatchObject({
      hairpin: false,
      isolated: false,
    });
    await expect(rtnetlink.deleteLink(name('tsv1'))).resolves.toBe(true);
    await expect(rtnetlink.deleteLink(name('tsv1'))).resolves.toBe(false);
    expect(await witness(box, 'eth0')).toBeUndefined();
  });

  it('leaves a stranger of the same name as it is', async () => {
    await host.exec('ip', 'link', 'add', 'taken', 'type', 'bridge');
    await host.exec('ip', 'link', 'set', 'taken', 'alias', 'theirs', 'group', '5');
    const before = await witness(host, 'taken');
    await expect(
      rtnetlink.createBridge({ name: name('taken'), alias: 'ours', up: true }),
    ).rejects.toMatchObject({
      kind: 'conflict',
      errno: 'EEXIST',
      message: expect.stringMatching(/^create link taken in \/run\/netns\/.*: EEXIST/) as string,
    });
    await expect(
      rtnetlink.createVeth({ name: name('taken'), alias: 'ours', peer: { name: name('p0') } }),
    ).rejects.toMatchObject({ kind: 'conflict' });
    expect(await witness(host, 'taken')).toEqual(before);
    expect(await witness(host, 'p0')).toBeUndefined();
    await rtnetlink.deleteLink(name('taken'));
  });

  it('leaves nothing behind when a later step fails', async () => {
    const before = await rtnetlink.listLinks();
    const tooLong = 'x'.repeat(300);
    await expect(
      rtnetlink.createVeth({ name: name('half'), alias: tooLong, peer: { name: name('half2') } }),
    ).rejects.toMatchObject({ kind: 'kernel', message: expect.stringContaining('half') as string });
    // Settings of a port, for a link that is in no bridge.
    await expect(
      rtnetlink.createVeth({ name: name('half'), hairpin: true, peer: { name: name('half2') } }),
    ).rejects.toMatchObject({ errno: expect.any(String) });
    await expect(
      rtnetlink.createVeth({
        name: name('half'),
        peer: { name: name('eth9'), alias: tooLong, netns: box.path },
      }),
    ).rejects.toMatchObject({ kind: 'kernel' });
    await expect(
      rtnetlink.createVeth({ name: name('half'), master: name('nobr'), peer: { name: name('half2') } }),
    ).rejects.toMatchObject({ kind: 'not-found' });
    await expect(
      rtnetlink.createVeth({ name: name('half'), peer: { name: name('eth9'), netns: '/run/netns/none' } }),
    ).rejects.toMatchObject({ kind: 'not-found' });
    expect(await rtnetlink.listLinks()).toEqual(before);
    expect(await witness(box, 'eth9')).toBeUndefined();
  });

  it('changes, renames, moves and releases a link', async () => {
    await rtnetlink.createVeth({ name: name('a0'), master: name('br0'), peer: { name: name('b0') } });
    await rtnetlink.setLink(name('a0'), { master: null, alias: 'one', mtu: 1300, up: true });
    expect(await witness(host, 'a0')).toMatchObject({ ifalias: 'one', mtu: 1300 });
    expect((await witness(host, 'a0'))?.master).toBeUndefined();
    await rtnetlink.setLink(name('a0'), { up: false });
    await rtnetlink.setLink(name('a0'), { name: name('a1') });
    const [moved] = (await rtnetlink.readLinks([name('a1')])).values();
    await rtnetlink.setLink(moved?.index ?? 0, { netns: box.path });
    expect(await witness(box, 'a1')).toBeDefined();
    expect((await rtnetlink.readLinks([name('a0'), name('a1')])).size).toBe(0);
    await rtnetlink.deleteLink(name('b0'));
    await expect(rtnetlink.setLink(name('b0'), { up: true })).rejects.toMatchObject({ kind: 'not-found' });
  });
});

describe('delete by group', () => {
  it('deletes exactly the named ones', async () => {
    const all = Array.from({ length: 40 }, (_, index) => name(`g${index}`));
    for (const one of all) await rtnetlink.createBridge({ name: one });
    await host.exec('ip', 'link', 'set', 'g1', 'group', '9');
    // An alternative name is not the name: a stranger's link may have ours as one.
    await host.exec('ip', 'link', 'property', 'add', 'dev', 'g3', 'altname', 'other');
    const doomed = all.filter((_, index) => index % 2 === 0);
    await rtnetlink.deleteLinks([...doomed, name('nobody'), name('other'), ...doomed]);
    const left = (await rtnetlink.listLinks()).filter(({ name }) => name.startsWith('g'));
    expect(left.map((link) => link.name).sort()).toEqual(all.filter((_, index) => index % 2 === 1).sort());
    expect(left.find((link) => link.name === 'g1')?.group).toBe(9);
    await rtnetlink.deleteLinks(left.map((link) => link.name as IfName));
    await rtnetlink.deleteLinks([name('g0'), name('g1')]);
    await rtnetlink.deleteLinks([]);
  });

  it('deletes none when one can not be deleted, and keeps their groups', async () => {
    await rtnetlink.createBridge({ name: name('h0') });
    await host.exec('ip', 'link', 'set', 'h0', 'group', '7');
    await expect(rtnetlink.deleteLinks([name('h0'), name('lo')])).rejects.toMatchObject({
      kind: 'unsupported',
    });
    const links = await rtnetlink.readLinks([name('h0'), name('lo')]);
    expect([links.get('h0')?.group, links.get('lo')?.group]).toEqual([7, 0]);
    await rtnetlink.deleteLinks([name('h0')]);
  });
});

describe('dumps', () => {
  it('are never short while links come and go', async () => {
    const fixed = Array.from({ length: 100 }, (_, index) => name(`f${index}`));
    for (const one of fixed) await rtnetlink.createBridge({ name: one });
    using other = Rtnetlink.open(host.path);
    const state = { isOver: false, changes: 0 };
    const storm = (async (): Promise<void> => {
      for (; !state.isOver; state.changes++) {
        await other.createVeth({ name: name('storm'), peer: { name: name('storm2') } });
        await other.deleteLink(name('storm'));
      }
    })();
    let answered = 0;
    for (let round = 0; round < 25; round++) {
      try {
        const seen = new Set((await rtnetlink.listLinks()).map((link) => link.name));
        expect(fixed.filter((one) => !seen.has(one))).toEqual([]);
        answered += 1;
      } catch (error) {
        expect(error).toMatchObject({ kind: 'try-again' });
      }
      await sleep(2);
    }
    state.isOver = true;
    await storm;
    expect(state.changes).toBeGreaterThan(3);
    expect(answered).toBeGreaterThan(0);
    await rtnetlink.deleteLinks(fixed);
  });
});

describe('errors', () => {
  it("carry the kernel's own words and the namespace", async () => {
    await expect(
      rtnetlink.addRoute({ destination: '10.77.0.0/24' as never, gateway: '203.0.113.1' as never }),
    ).rejects.toMatchObject({
      message: `add route 10.77.0.0/24 via 203.0.113.1 in ${host.path}: ENETUNREACH (Nexthop has invalid gateway)`,
    });
  });

  it('of one message leave the others of a datagram alone', async () => {
    using connection = NetlinkConnection.open(netlinkProtocols.route, host.path);
    const outcomes = await connection.request([
      { type: 18, body: ifinfo(1), doing: 'read lo' },
      { type: 18, body: ifinfo(9999), doing: 'read none' },
      { type: 18, body: ifinfo(1), doing: 'read lo' },
    ]);
    expect(outcomes.map(({ error, replies }) => [error?.errno, replies.length])).toEqual([
      [undefined, 1],
      ['ENODEV', 0],
      [undefined, 1],
    ]);
  });

  it('tell a namespace that is not there', () => {
    expect(() => Rtnetlink.open('/run/netns/none')).toThrow(
      /open a netlink socket in \/run\/netns\/none: ENOENT/,
    );
  });
});

function ifinfo(index: number): Buffer {
  const body = Buffer.alloc(16);
  body.writeInt32LE(index, 4);
  return body;
}
