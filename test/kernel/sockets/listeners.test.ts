import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findSocketOwners } from '../../../src/kernel/proc/index.ts';
import { listListeners, usedPorts } from '../../../src/kernel/sockets/index.ts';
import { parsePort, type PortRange } from '../../../src/model/index.ts';
import { createNetns, type Netns } from '../../support/netns.ts';
import { runScriptInside, type ScriptInside } from '../../support/script-inside.ts';

let netns: Netns;
let script: ScriptInside;

const servers = `
const net = require('node:net');
const dgram = require('node:dgram');
const tcp = (options) => new Promise((done) => net.createServer(() => {}).listen(options, done));
const udp = (type, port, address, ipv6Only) => new Promise((done) => {
  const socket = dgram.createSocket({ type, ipv6Only });
  socket.bind(port, address, () => done(socket));
});
(async () => {
  await tcp({ port: 8080, host: '0.0.0.0' });
  await tcp({ port: 8081, host: '127.0.0.1' });
  await tcp({ port: 8082, host: '::' });
  await tcp({ port: 8083, host: '::', ipv6Only: true });
  await tcp({ port: 9000, host: '::1' });
  await udp('udp4', 8080, '0.0.0.0');
  await udp('udp6', 8085, '::', true);
  const connected = await udp('udp4', 8086, '127.0.0.1');
  connected.connect(9, '127.0.0.1', () => {
    const client = net.connect(8080, '127.0.0.1', () => console.log('ready'));
  });
})();`;

beforeAll(async () => {
  netns = await createNetns('sockets');
  script = await runScriptInside(netns, servers);
});

afterAll(async () => {
  await script[Symbol.asyncDispose]();
  await netns[Symbol.asyncDispose]();
});

const range = (first: number, last = first): PortRange => ({
  first: parsePort(first),
  last: parsePort(last),
});

async function found(protocol: 'tcp' | 'udp', ports?: PortRange): Promise<string[]> {
  const filter = { protocol, netns: netns.path, ...(ports === undefined ? {} : { ports }) };
  const listeners = await listListeners(filter);
  return listeners.map(({ ip, port, isIpv6Only }) => `${ip} ${port}${isIpv6Only ? ' only' : ''}`).sort();
}

describe('listListeners', () => {
  it('finds what ss finds', async () => {
    for (const protocol of ['tcp', 'udp'] as const) {
      const { stdout } = await netns.exec('ss', '-Hln', protocol === 'tcp' ? '-t' : '-u');
      const ports = stdout
        .split('\n')
        .flatMap((line) => /:(\d+)\s/.exec(line)?.[1] ?? [])
        .sort();
      const listed = (await found(protocol)).map((line) => line.split(' ')[1]);
      expect(new Set(listed)).toEqual(new Set(ports));
      expect(listed).toHaveLength(ports.length);
      expect(ports.length).toBeGreaterThan(1);
    }
  });

  it('tells addresses, and which IPv6 sockets leave IPv4 alone', async () => {
    expect(await found('tcp')).toEqual([
      '0.0.0.0 8080',
      '127.0.0.1 8081',
      ':: 8082',
      ':: 8083 only',
      '::1 9000 only',
    ]);
    expect(await found('udp')).toEqual(['0.0.0.0 8080', ':: 8085 only']);
  });

  it('lets the kernel look for ports, both ends included', async () => {
    expect(await found('tcp', range(8080))).toEqual(['0.0.0.0 8080']);
    expect(await found('tcp', range(8081, 8082))).toEqual(['127.0.0.1 8081', ':: 8082']);
    expect(await found('tcp', range(1, 8079))).toEqual([]);
    expect(await found('tcp', range(9000, 65535))).toEqual(['::1 9000 only']);
    expect(await usedPorts('tcp', range(1, 65535), netns.path)).toEqual(
      new Set([8080, 8081, 8082, 8083, 9000]),
    );
  });

  it('leads to the process that holds the port', async () => {
    const [listener] = await listListeners({ protocol: 'tcp', ports: range(8080), netns: netns.path });
    expect(listener).toMatchObject({ protocol: 'tcp', uid: 0, linkIndex: undefined });
    const inode = listener?.inode ?? 0;
    const owners = await findSocketOwners([inode, 1]);
    expect(owners.get(inode)).toEqual({
      pid: script.pid,
      command: expect.stringMatching(/node|MainThread/) as string,
    });
    expect(owners.size).toBe(1);
  });

  it('looks into the namespace that is named', async () => {
    await using empty = await createNetns('sockets');
    expect(await listListeners({ protocol: 'tcp', netns: empty.path })).toEqual([]);
  });
});
