import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatInspection, parseInspection } from '../../../../src/inspect/inspection-file.ts';
import type { Inspection } from '../../../../src/inspect/inspection.ts';
import { Rtnetlink } from '../../../../src/kernel/netlink/index.ts';
import { parseIp, printable } from '../../../../src/model/index.ts';
import {
  observeHost,
  Relations,
  topologyParts,
  type NetnsId,
  type NetnsView,
  type PlacedLink,
  type Snapshot,
} from '../../../../src/observe/host/index.ts';
import { hostFacts } from '../../../support/host-facts.ts';
import { createNetns, type Netns } from '../../../support/netns.ts';
import { runScriptInside, type ScriptInside } from '../../../support/script-inside.ts';

/**
 * A host with a bridge and a macvlan, containers `blue` and `red`, and `lone`, which no file names. Indexes are chosen to
 * mislead: 77 is a link everywhere.
 */
let host: Netns;
let blue: Netns;
let red: Netns;
let lone: ScriptInside;
let server: ScriptInside;
let snapshot: Snapshot;
let relations: Relations;

const idle = `setInterval(() => {}, 1e6); console.log('ready');`;
const hostileCommand = 'ev\nil\u001b[31m';
const hostileAlias = 'alias\nwith\u001b[31mcolour\u202e';
const serving = `
require('node:net').createServer(() => {}).listen(80, '10.9.0.2', () => {
  require('node:fs').writeFileSync('/proc/self/comm', ${JSON.stringify(hostileCommand)});
  console.log('ready');
});`;

beforeAll(async () => {
  host = await createNetns('obs-host');
  blue = await createNetns('obs-blue');
  red = await createNetns('obs-red');
  // Its namespace is reached from the host's, so that no name is ever given to it.
  lone = await runScriptInside(
    host,
    `require('node:child_process').spawn('unshare', ['--net', 'sleep', '1000'], { stdio: 'ignore' })
       .once('spawn', () => setTimeout(() => console.log('ready'), 300)); setInterval(() => {}, 1e6);`,
  );
  const inHost = (line: string) => host.exec('ip', ...line.split(' '));
  await inHost('link add br0 type bridge');
  await inHost('address add 10.9.0.1/24 dev br0');
  await inHost('link set br0 up');
  await inHost(`link add hb index 77 type veth peer name eth0 index 77 netns ${blue.name}`);
  await inHost(`link add hr index 78 type veth peer name eth0 index 77 netns ${red.name}`);
  await inHost(`link add hl index 79 type veth peer name eth0 index 77 netns ${pidOfLone()}`);
  await inHost('link add twin0 type veth peer name twin1');
  await inHost('link set hb master br0 up');
  await inHost('link set hr master br0 up');
  await inHost(`link add mv link br0 netns ${red.name} type macvlan mode bridge`);
  await inHost('link add link br0 name mh type macvlan mode bridge');
  await host.exec('ip', 'link', 'set', 'hb', 'alias', hostileAlias);
  await blue.exec(
    ...words(`ip link add tored index 78 type veth peer name toblue index 78 netns ${red.name}`),
  );
  await blue.exec(...words('ip address add 10.9.0.2/24 dev eth0'));
  await blue.exec(...words('ip link set eth0 up'));
  await blue.exec(...words('ip route add default via 10.9.0.1'));
  await red.exec(...words('ip address add 10.9.0.2/24 dev eth0'));
  await host.exec(...words('nft add table ip seen'));
  await host.exec(...words('nft add chain ip seen first'));
  await host.exec(...words('iptables-nft -t filter -A FORWARD -s 192.0.2.1 -j DROP'));
  server = await runScriptInside(blue, serving);
  snapshot = await observeHost({ hostNetns: host.path, rules: 'host', flows: 'host' });
  relations = new Relations(snapshot);
});

afterAll(async () => {
  process.kill(pidOfLone(), 'SIGKILL');
  await lone[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  for (const netns of [red, blue, host]) await netns[Symbol.asyncDispose]();
});

function words(line: string): [string, ...string[]] {
  return line.split(' ') as [string, ...string[]];
}

/** The process that unshare(1) became. */
function pidOfLone(): number {
  return Number(readFileSync(`/proc/${lone.pid}/task/${lone.pid}/children`, 'utf8').trim());
}

const idOf = (netns: Netns): NetnsId => `net:${statSync(netns.path).ino}`;
const idOfProcess = (pid: number): NetnsId =>
  readlinkSync(`/proc/${pid}/ns/net`).replace(/[[\]]/g, '') as NetnsId;

function view(id: NetnsId): NetnsView {
  const found = relations.netnsById(id);
  if (found === undefined) throw new Error(`${id} was not seen`);
  return found;
}

function placed(netns: Netns, name: string): PlacedLink {
  const found = relations.linkNamed(view(idOf(netns)), name);
  if (found === undefined) throw new Error(`${name} was not seen in ${netns.name}`);
  return found;
}

const told = (link: PlacedLink | undefined): string | undefined =>
  link === undefined ? undefined : `${link.netns.id} ${link.link.name}`;

describe('observeHost', () => {
  it('finds namespaces that files name and those that only a process keeps', () => {
    expect(snapshot.hostNetns).toBe(idOf(host));
    expect(snapshot.namespaces[0]?.id).toBe(idOf(host));
    expect(view(idOf(blue)).paths).toEqual([blue.path]);
    expect(view(idOf(blue)).processes.map(({ pid }) => pid)).toEqual([server.pid]);
    const unnamed = view(idOfProcess(pidOfLone()));
    expect(unnamed.paths).toEqual([]);
    expect(unnamed.processes).toMatchObject([{ pid: pidOfLone(), command: 'sleep', isInit: false }]);
    const ids = snapshot.namespaces.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('sees the links that ip(8) sees', async () => {
    for (const netns of [host, blue, red]) {
      // It prints aliases as they are, which is no JSON.
      const { stdout } = await netns.exec('ip', '-json', '-details', 'link');
      const theirs = (JSON.parse(printable(stdout.trim())) as IpLink[]).map((link) => ({
        index: link.ifindex,
        name: link.ifname,
        mtu: link.mtu,
        kind: link.linkinfo?.info_kind,
        peerIndex: link.link_index,
        peerNsid: link.link_netnsid,
        isUp: link.flags.includes('UP'),
      }));
      const ours = view(idOf(netns)).links.map(({ index, name, mtu, kind, peerIndex, peerNsid, isUp }) => ({
        index,
        name,
        mtu,
        kind,
        peerIndex,
        peerNsid,
        isUp,
      }));
      expect(ours.length).toBeGreaterThan(1);
      const inside = new Set(['twin0', 'twin1', 'mh']);
      // ip(8) tells a peer in the same namespace by name only.
      expect(ours.filter(({ name }) => !inside.has(name))).toEqual(
        theirs.filter(({ name }) => !inside.has(name)),
      );
    }
  });

  it('reads addresses, routes, rules, sockets, settings and counters', () => {
    const there = view(idOf(blue));
    expect(there.addresses.map(({ address }) => address)).toContain('10.9.0.2/24');
    expect(there.routes).toContainEqual(
      expect.objectContaining({
        destination: undefined,
        nextHops: [{ gateway: '10.9.0.1', linkIndex: 77, weight: 1 }],
      }),
    );
    expect(there.policyRules.filter(({ family }) => family === 4)).toHaveLength(3);
    expect(there.sockets).toMatchObject([
      { protocol: 'tcp', ip: '10.9.0.2', port: 80, process: { pid: server.pid } },
    ]);
    expect(there.sysctls['ipv4/ip_forward']).toMatch(/^[01]$/);
    const eth0 = relations.linkNamed(there, 'eth0')?.link;
    expect(eth0?.counters?.sentBytes).toBeTypeOf('number');
    const bridge = placed(host, 'br0').link;
    expect(bridge.bridge).toMatchObject({ stp: false });
    const ports = new Set(['hb', 'hr'].map((name) => placed(host, name).link.index));
    expect(
      view(idOf(host)).forwarding.filter(({ linkIndex }) => ports.has(linkIndex)).length,
    ).toBeGreaterThan(0);
  });

  it('tells the settings of links as /proc/sys does', async () => {
    const { sysctls, links } = view(idOf(host));
    for (const { name } of links) {
      for (const setting of ['ipv4/forwarding', 'ipv4/rp_filter', 'ipv4/route_localnet', 'ipv4/proxy_arp']) {
        const [family = '', key = ''] = setting.split('/');
        const path = `${family}/conf/${name}/${key}`;
        const { stdout } = await host.exec('cat', `/proc/sys/net/${path}`);
        expect([path, sysctls[path]]).toEqual([path, stdout.trim()]);
      }
    }
  });

  it('follows a setting that is not the default', async () => {
    await using netns = await createNetns('obs-sysctl');
    await netns.exec('ip', 'link', 'add', 'br5', 'type', 'bridge');
    const unusual = [
      'ipv4/proxy_arp',
      'ipv4/accept_local',
      'ipv4/route_localnet',
      'ipv6/disable_ipv6',
      'ipv6/accept_ra',
    ];
    for (const setting of [...unusual, 'ipv4/rp_filter', 'ipv6/forwarding']) {
      const path = setting.replace('/', '/conf/br5/');
      const before = (await netns.exec('cat', `/proc/sys/net/${path}`)).stdout.trim();
      const value = before === '1' ? '0' : '1';
      await netns.exec('sh', '-c', `echo ${value} > /proc/sys/net/${path}`);
      const seen = await observeHost({ hostNetns: netns.path, parts: ['sysctls'] });
      expect([path, seen.namespaces[0]?.sysctls[path]]).toEqual([path, value]);
    }
  });

  it('reads the rules of the host, of all authors, and puts no table into use', async () => {
    const { ruleSets } = view(idOf(host));
    expect(JSON.stringify(ruleSets?.nft)).toContain('"seen"');
    expect(ruleSets?.iptables.map(({ flavour, family }) => `${flavour} ${family}`)).toEqual(['nft 4']);
    expect(ruleSets?.iptables[0]?.text).toMatch(/^\[0:0\] -A FORWARD -s 192\.0\.2\.1\/32 -j DROP$/m);
    expect(view(idOf(blue)).ruleSets).toBeUndefined();
    expect(view(idOf(host)).flows).toEqual([]);
    expect((await host.exec('cat', '/proc/thread-self/net/ip_tables_names')).stdout).toBe('');
  });

  it('reads the rules of every namespace, and starts no program where there are none', async () => {
    await using ruled = await createNetns('obs-ruled');
    await using empty = await createNetns('obs-empty');
    await ruled.exec(...words('iptables-legacy -A INPUT -s 192.0.2.2 -j DROP'));
    await ruled.exec(...words('ip6tables-nft -A INPUT -s 2001:db8::2 -j DROP'));
    const seen = await observeHost({ hostNetns: host.path, parts: [], rules: 'all' });
    const rulesOf = (path: string) => seen.namespaces.find(({ paths }) => paths.includes(path))?.ruleSets;
    expect(rulesOf(ruled.path)?.iptables.map(({ flavour, family }) => `${flavour} ${family}`)).toEqual([
      'legacy 4',
      'nft 6',
    ]);
    expect(JSON.stringify(rulesOf(ruled.path)?.nft)).toContain('"metainfo"');
    // The program would have told its version.
    expect(rulesOf(empty.path)).toEqual({ nft: { nftables: [] }, iptables: [] });
  });

  it('counts what ip(8) counts, and sees tracked connections', async () => {
    await using netns = await createNetns('obs-count');
    await netns.exec(...words('nft add table ip t'));
    await netns.exec('nft', 'add chain ip t c { type filter hook input priority 0; }');
    await netns.exec(...words('nft add rule ip t c ct state established accept'));
    await netns.exec(...words('ping -c 2 -i 0.2 127.0.0.1'));
    const [own] = (await observeHost({ hostNetns: netns.path, flows: 'host' })).namespaces;
    const { stdout } = await netns.exec(...words('ip -json -stats link show lo'));
    const [lo] = JSON.parse(stdout) as { stats64: Record<'rx' | 'tx', { bytes: number; packets: number }> }[];
    const { rx, tx } = lo?.stats64 ?? {};
    expect(rx?.packets).toBeGreaterThan(3);
    expect(own?.links[0]?.counters).toEqual({
      receivedBytes: rx?.bytes,
      receivedPackets: rx?.packets,
      sentBytes: tx?.bytes,
      sentPackets: tx?.packets,
      dropped: 0,
      errors: 0,
    });
    expect(own?.flows).toEqual([
      expect.objectContaining({
        family: 4,
        protocol: 1,
        original: expect.objectContaining({ source: '127.0.0.1', destination: '127.0.0.1' }) as object,
      }),
    ]);
    expect(own?.flows?.every((flow) => !('identity' in flow))).toBe(true);
  });

  it('changes nothing', async () => {
    await using netns = await createNetns('obs-same');
    await netns.exec(...words('ip link add br0 type bridge'));
    await netns.exec(...words('nft add table ip seen'));
    const before = await hostFacts(netns);
    await observeHost({ hostNetns: netns.path, rules: 'all', flows: 'host' });
    expect(await hostFacts(netns)).toEqual(before);
  });

  it('carries names that steer terminals as they are', () => {
    expect(placed(host, 'hb').link.alias).toBe(hostileAlias);
    expect(view(idOf(blue)).processes.map(({ command }) => command)).toEqual([hostileCommand]);
    expect(view(idOf(blue)).sockets.map((socket) => socket.process?.command)).toEqual([hostileCommand]);
  });

  it('is the same after it was saved and loaded', () => {
    const inspection: Inspection = { schema: 'tsnet.snapshot/1', snapshot, engines: [] };
    const text = formatInspection(inspection);
    expect(parseInspection(text, 'test')).toEqual(inspection);
    expect(formatInspection(parseInspection(text, 'test'))).toBe(text);
  });

  it('looks less far where that is enough', async () => {
    const less = await observeHost({ hostNetns: host.path, parts: topologyParts });
    const seen = less.namespaces.find(({ id }) => id === idOf(blue));
    expect(seen?.links.map(({ name }) => name)).toEqual(view(idOf(blue)).links.map(({ name }) => name));
    expect(seen?.addresses.length).toBeGreaterThan(0);
    expect(seen).toMatchObject({ routes: [], sockets: [], sysctls: {}, neighbours: [] });
    expect(seen?.links.every((link) => !('counters' in link))).toBe(true);
  });

  it('refuses a host that is no namespace', async () => {
    await expect(observeHost({ hostNetns: '/run/netns/tsnet-none' })).rejects.toMatchObject({
      kind: 'not-found',
    });
    await expect(observeHost({ hostNetns: '/etc/hostname' })).rejects.toMatchObject({
      kind: 'invalid-input',
    });
  });
});

describe('Relations', () => {
  it('pairs by index and namespace, not by index alone', () => {
    expect(told(relations.peerOf(placed(host, 'hb')))).toBe(`${idOf(blue)} eth0`);
    expect(told(relations.peerOf(placed(host, 'hr')))).toBe(`${idOf(red)} eth0`);
    expect(told(relations.peerOf(placed(host, 'hl')))).toBe(`${idOfProcess(pidOfLone())} eth0`);
    expect(told(relations.peerOf(placed(blue, 'eth0')))).toBe(`${idOf(host)} hb`);
    expect(told(relations.peerOf(placed(host, 'twin0')))).toBe(`${idOf(host)} twin1`);
  });

  it('pairs ends that are both in containers', () => {
    expect(told(relations.peerOf(placed(blue, 'tored')))).toBe(`${idOf(red)} toblue`);
    expect(told(relations.peerOf(placed(red, 'toblue')))).toBe(`${idOf(blue)} tored`);
  });

  it('tells a macvlan from a pair, across namespaces', () => {
    expect(relations.peerOf(placed(red, 'mv'))).toBeUndefined();
    expect(told(relations.parentOf(placed(red, 'mv')))).toBe(`${idOf(host)} br0`);
    expect(relations.parentOf(placed(host, 'hb'))).toBeUndefined();
    expect(new Set(relations.childrenOf(placed(host, 'br0')).map(told))).toEqual(
      new Set([`${idOf(host)} mh`, `${idOf(red)} mv`]),
    );
  });

  it('knows ports and masters', () => {
    expect(relations.portsOf(placed(host, 'br0')).map(({ link }) => link.name)).toEqual(['hb', 'hr']);
    expect(told(relations.masterOf(placed(host, 'hb')))).toBe(`${idOf(host)} br0`);
    expect(relations.masterOf(placed(blue, 'eth0'))).toBeUndefined();
  });

  it('finds every place of an address', () => {
    expect(new Set(relations.whereIs(parseIp('10.9.0.2')).map(told))).toEqual(
      new Set([`${idOf(blue)} eth0`, `${idOf(red)} eth0`]),
    );
    expect(relations.whereIs(parseIp('10.9.0.77'))).toEqual([]);
  });
});

describe('what nothing in sight leads to', () => {
  it('finds a namespace that only an open file keeps', async () => {
    await using place = await createNetns('obs-held');
    const gone = `${place.name}-gone`;
    await place.exec(...words(`ip link add left index 31 type veth peer name right index 32`));
    const holder = await held(place, gone, `require('node:fs').openSync('/run/netns/${gone}', 'r'); ${idle}`);
    try {
      const seen = new Relations(await observeHost({ hostNetns: place.path, parts: topologyParts }));
      const left = linkOf(seen, 'left');
      const right = seen.peerOf(left);
      expect(right?.link.name).toBe('right');
      expect(right?.netns.paths).toEqual([
        expect.stringMatching(new RegExp(`^/proc/${holder.pid}/fd/\\d+$`)),
      ]);
      expect(seen.snapshot.gaps.filter(({ what }) => what.startsWith(seen.host?.id ?? ''))).toEqual([]);
    } finally {
      holder.process.kill('SIGKILL');
      await holder.ended;
    }
  });

  it('says so of one that only a socket keeps', async () => {
    await using place = await createNetns('obs-lost');
    const name = `${place.name}-gone`;
    await place.exec(...words(`ip link add left index 31 type veth peer name right index 32`));
    await place.exec('ip', 'netns', 'add', name);
    const rtnetlink = Rtnetlink.open(`/run/netns/${name}`);
    await place.exec(...words(`ip link set right netns ${name}`));
    await place.exec('ip', 'netns', 'del', name);
    try {
      const seen = new Relations(await observeHost({ hostNetns: place.path, parts: topologyParts }));
      expect(seen.peerOf(linkOf(seen, 'left'))).toBeUndefined();
      expect(seen.snapshot.gaps).toContainEqual({
        what: expect.stringMatching(`^${seen.host?.id} nsid \\d+$`) as string,
        why: expect.stringContaining('peers of left are there') as string,
      });
    } finally {
      rtnetlink[Symbol.dispose]();
    }
  });

  it('keeps what is looked at from ending, and leaks no descriptor', async () => {
    const before = openDescriptors();
    const looks: Promise<Snapshot>[] = [];
    for (let round = 0; round < 5; round++) {
      await using netns = await createNetns('obs-brief');
      looks.push(observeHost({ hostNetns: host.path }));
      await netns.exec('true');
    }
    for (const seen of await Promise.all(looks)) {
      expect(seen.namespaces[0]?.links.map(({ name }) => name)).toEqual(
        view(idOf(host)).links.map(({ name }) => name),
      );
    }
    expect(openDescriptors()).toBe(before);
  });
});

interface IpLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly link_index?: number;
  readonly link_netnsid?: number;
  readonly linkinfo?: { readonly info_kind?: string };
}

function linkOf(seen: Relations, name: string): PlacedLink {
  const found = seen.host === undefined ? undefined : seen.linkNamed(seen.host, name);
  if (found === undefined) throw new Error(`${name} was not seen`);
  return found;
}

/** The first free descriptor: those below are in use. */
function openDescriptors(): number {
  const descriptor = openSync('/dev/null', 'r');
  closeSync(descriptor);
  return descriptor;
}

/** A namespace without a name and without a process in it, with the end `right`, which a process elsewhere holds open. */
async function held(place: Netns, name: string, script: string) {
  await place.exec('ip', 'netns', 'add', name);
  await place.exec(...words(`ip link set right netns ${name}`));
  const process_ = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(process_, 'exit');
  await once(process_.stdout, 'data');
  await place.exec('ip', 'netns', 'del', name);
  return { process: process_, pid: process_.pid ?? 0, ended };
}
