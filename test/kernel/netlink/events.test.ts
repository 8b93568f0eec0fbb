import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Rtnetlink, type RtnetlinkEvent } from '../../../src/kernel/netlink/index.ts';
import { parseAddress, parseIfName } from '../../../src/model/index.ts';
import { createNetns } from '../../support/netns.ts';

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    if (waited > 3000) throw new Error('it was not heard of');
    await sleep(10);
  }
}

const isEnd = (event: RtnetlinkEvent): boolean =>
  event.kind === 'link' && event.action === 'deleted' && event.link.name === 'br0';

it('hears of links, addresses and routes, and falls silent when told', async () => {
  await using host = await createNetns('events');
  using rtnetlink = Rtnetlink.open(host.path);
  const events: RtnetlinkEvent[] = [];
  const subscription = rtnetlink.subscribe(['link', 'address4', 'route4'], (event) => events.push(event));
  const name = parseIfName('br0');
  await rtnetlink.createBridge({ name, alias: 'mark', up: true });
  await rtnetlink.addAddress({ link: name, address: parseAddress('10.1.0.1/24') });
  await rtnetlink.deleteLink(name);
  await until(() => events.some(isEnd));
  expect(events).toContainEqual(
    expect.objectContaining({
      kind: 'link',
      action: 'set',
      nsid: undefined,
      link: expect.objectContaining({ name: 'br0', alias: 'mark', isUp: true }) as object,
    }),
  );
  expect(events).toContainEqual(
    expect.objectContaining({
      kind: 'address',
      action: 'set',
      address: expect.objectContaining({ address: '10.1.0.1/24' }) as object,
    }),
  );
  expect(events).toContainEqual(
    expect.objectContaining({
      kind: 'route',
      route: expect.objectContaining({ destination: '10.1.0.0/24' }) as object,
    }),
  );
  expect(events.filter(isEnd)).toHaveLength(1);
  subscription[Symbol.dispose]();
  const count = events.length;
  await rtnetlink.createBridge({ name });
  await sleep(50);
  expect(events).toHaveLength(count);
});

it('hears of what happened in a moment all at once, where that is enough', async () => {
  await using host = await createNetns('later');
  using rtnetlink = Rtnetlink.open(host.path);
  const heard: string[] = [];
  using _ = rtnetlink.subscribe(
    ['link'],
    (event) => heard.push(event.kind === 'link' ? `${event.action} ${event.link.name}` : event.kind),
    { delayMs: 300 },
  );
  const name = parseIfName('br0');
  await rtnetlink.createBridge({ name });
  await rtnetlink.deleteLink(name);
  await sleep(100);
  expect(heard).toEqual([]);
  await until(() => heard.includes('deleted br0'));
  expect(heard[0]).toBe('set br0');
});

it('does not say that a link ended when it left its bridge', async () => {
  await using host = await createNetns('leave');
  using rtnetlink = Rtnetlink.open(host.path);
  const name = parseIfName('br0');
  const port = parseIfName('v0');
  await rtnetlink.createBridge({ name });
  await rtnetlink.createVeth({ name: port, master: name, up: true, peer: { name: parseIfName('v1') } });
  const events: RtnetlinkEvent[] = [];
  using _subscription = rtnetlink.subscribe(['link'], (event) => events.push(event));
  await rtnetlink.setLink(port, { master: null });
  await rtnetlink.setLink(port, { alias: 'last' });
  await until(() => events.some((event) => event.kind === 'link' && event.link.alias === 'last'));
  expect(events.length).toBeGreaterThan(0);
  expect(events.filter((event) => event.kind === 'link' && event.action === 'deleted')).toEqual([]);
});

it('hears of other namespaces once they have an id', async () => {
  await using host = await createNetns('near');
  await using other = await createNetns('far');
  using rtnetlink = Rtnetlink.open(host.path);
  await expect(rtnetlink.nsidOf(other.path)).resolves.toBeUndefined();
  const nsid = await rtnetlink.assignNsid(other.path);
  expect([await rtnetlink.assignNsid(other.path), await rtnetlink.nsidOf(other.path)]).toEqual([nsid, nsid]);
  expect(await rtnetlink.listNsids()).toContain(nsid);
  const { stdout } = await host.exec('ip', 'netns', 'list-id');
  expect(stdout).toContain(`nsid ${nsid} `);
  const events: RtnetlinkEvent[] = [];
  using _subscription = rtnetlink.subscribe(['link'], (event) => events.push(event), { everywhere: true });
  await other.exec('ip', 'link', 'add', 'there', 'type', 'bridge');
  await until(() => events.length > 0);
  expect(events[0]).toMatchObject({ kind: 'link', nsid, link: { name: 'there' } });
  await expect(rtnetlink.nsidOf('/run/netns/none')).rejects.toMatchObject({ kind: 'not-found' });
});

it('says when changes were missed', async () => {
  await using host = await createNetns('lost');
  using rtnetlink = Rtnetlink.open(host.path);
  await rtnetlink.createBridge({ name: parseIfName('br0'), up: true });
  const events: RtnetlinkEvent[] = [];
  using _subscription = rtnetlink.subscribe(['link'], (event) => events.push(event));
  // Nobody listens meanwhile: the event loop stands still.
  const changes = Array.from({ length: 30_000 }, (_, index) => `link set br0 alias x${index}`);
  execFileSync('nsenter', [`--net=${host.path}`, 'ip', '-batch', '-'], { input: changes.join('\n') });
  await until(() => events.some(({ kind }) => kind === 'lost'));
  expect(events.find(({ kind }) => kind === 'lost')).toMatchObject({
    reason: { kind: 'try-again', errno: 'ENOBUFS' },
  });
  // It goes on listening.
  await rtnetlink.setLink('br0', { alias: 'afterwards' });
  await until(() => events.some((event) => event.kind === 'link' && event.link.alias === 'afterwards'));
});
