import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deleteFlows } from '../../../src/kernel/conntrack/index.ts';
import { Rtnetlink } from '../../../src/kernel/netlink/index.ts';
import { parseAddress, parseIfName, parseIp, parsePort } from '../../../src/model/index.ts';
import { createNetns, type Netns } from '../../support/netns.ts';
import { runScriptInside, type ScriptInside } from '../../support/script-inside.ts';

let router: Netns;
let client: Netns;
let servers: ScriptInside;
const published = parsePort(5300);

/** Two servers that answer with their name, at different addresses of the router. */
const answering = `
const dgram = require('node:dgram');
const serve = (name, address) => new Promise((done) => {
  const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (_, from) => socket.send(name, from.port, from.address));
  socket.bind(53, address, done);
});
Promise.all([serve('A', '10.1.0.2'), serve('B', '10.1.0.3'), serve('A', 'fd00:1::2'), serve('B', 'fd00:1::3')])
  .then(() => console.log('ready'));`;

const asking = (address: string): string => `
const socket = require('node:dgram').createSocket('${address.includes(':') ? 'udp6' : 'udp4'}');
socket.on('message', (answer) => { console.log(String(answer)); socket.close(); });
socket.bind(4000, () => socket.send('?', 5300, '${address}'));
setTimeout(() => process.exit(3), 3000).unref();`;

beforeAll(async () => {
  router = await createNetns('router');
  client = await createNetns('client');
  using outside = Rtnetlink.open(router.path);
  const link = parseIfName('to-client');
  await outside.createVeth({ name: link, up: true, peer: { name: parseIfName('eth0'), netns: client.path } });
  for (const address of ['192.0.2.1/24', '10.1.0.2/24', '10.1.0.3/24']) {
    await outside.addAddress({ link, address: parseAddress(address) });
  }
  for (const address of ['fd00:2::1/64', 'fd00:1::2/64', 'fd00:1::3/64']) {
    await outside.addAddress({ link, address: parseAddress(address), noDad: true });
  }
  using inside = Rtnetlink.open(client.path);
  await inside.setLink('eth0', { up: true });
  await inside.addAddress({ link: 'eth0', address: parseAddress('192.0.2.2/24') });
  await inside.addAddress({ link: 'eth0', address: parseAddress('fd00:2::2/64'), noDad: true });
  servers = await runScriptInside(router, answering);
});

afterAll(async () => {
  await servers[Symbol.asyncDispose]();
  await client[Symbol.asyncDispose]();
  await router[Symbol.asyncDispose]();
});

async function publishTo(target4: string, target6: string): Promise<void> {
  const rules = `flush ruleset
    table inet t {
      chain c {
        type nat hook prerouting priority -100
        ip daddr 192.0.2.1 udp dport 5300 dnat ip to ${target4}:53
        ip6 daddr fd00:2::1 udp dport 5300 dnat ip6 to [${target6}]:53
      }
    }`;
  await router.exec('nft', rules);
}

async function ask(address: string): Promise<string> {
  return (await client.exec(process.execPath, '-e', asking(address))).stdout.trim();
}

describe('deleteFlows', () => {
  it.each([
    [4, '192.0.2.1', '10.1.0.2'],
    [6, 'fd00:2::1', 'fd00:1::2'],
  ] as const)('sends a flow of IPv%i to where its port moved', async (family, address, old) => {
    await publishTo('10.1.0.2', 'fd00:1::2');
    expect(await ask(address)).toBe('A');
    await publishTo('10.1.0.3', 'fd00:1::3');
    // The flow keeps its translation: this is the trouble.
    expect(await ask(address)).toBe('A');
    const filter = { protocol: 'udp', originalDestinationPorts: [published], family } as const;
    // Others are left alone.
    expect(await deleteFlows({ ...filter, protocol: 'tcp' }, router.path)).toBe(0);
    expect(await deleteFlows({ ...filter, originalDestinationPorts: [parsePort(5301)] }, router.path)).toBe(
      0,
    );
    expect(await deleteFlows({ ...filter, replySource: parseIp('10.9.9.9') }, router.path)).toBe(0);
    expect(await ask(address)).toBe('A');
    const [ip, source] = [parseIp(address), parseIp(old)];
    expect(await deleteFlows({ ...filter, originalDestination: ip, replySource: source }, router.path)).toBe(
      1,
    );
    expect(await ask(address)).toBe('B');
    expect(await deleteFlows({ protocol: 'udp', originalDestinationPorts: [published] }, router.path)).toBe(
      1,
    );
  });
});
