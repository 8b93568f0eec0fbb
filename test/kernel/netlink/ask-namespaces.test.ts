import { closeSync, statSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  answered,
  askNamespaces,
  nsidQuestion,
  questions,
  Rtnetlink,
  type AskedNetns,
  type Question,
} from '../../../src/kernel/netlink/index.ts';
import { withNetnsDescriptor } from '../../../src/kernel/netns/index.ts';
import { listAllListeners, listenerQuestions } from '../../../src/kernel/sockets/index.ts';
import { createNetns, type Netns } from '../../support/netns.ts';
import { runScriptInside, type ScriptInside } from '../../support/script-inside.ts';

let blue: Netns;
let red: Netns;
let server: ScriptInside;
beforeAll(async () => {
  blue = await createNetns('ask-blue');
  red = await createNetns('ask-red');
  const inBlue = (line: string) => blue.exec('ip', ...line.split(' '));
  await inBlue(`link add v0 type veth peer name eth0 netns ${red.name}`);
  await inBlue('link add br0 type bridge');
  for (const link of ['lo', 'v0', 'br0']) await inBlue(`link set ${link} up`);
  await inBlue('address add 10.7.0.1/24 dev v0');
  await inBlue('address add fd07::1/64 dev br0 nodad');
  await inBlue('route add 10.8.0.0/16 via 10.7.0.2');
  await inBlue('rule add from 10.7.0.9 table 77');
  await inBlue('neighbour add 10.7.0.5 lladdr 02:00:00:00:00:05 dev v0');
  server = await runScriptInside(
    blue,
    `require('node:net').createServer().listen(8088, () => console.log('ready'));`,
  );
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  for (const netns of [blue, red]) await netns[Symbol.asyncDispose]();
});

const everything: readonly Question[] = [...Object.values(questions).flat(), ...listenerQuestions()];

async function ask(paths: readonly string[], wanted: readonly Question[]): Promise<AskedNetns[]> {
  const asked = await askNamespaces(paths, wanted);
  for (const { descriptor } of asked) if (descriptor !== undefined) closeSync(descriptor);
  return asked;
}

/** What the namespace tells whoever asks; counters grow. */
async function listsOf(rtnetlink: Rtnetlink): Promise<unknown[]> {
  return [
    await rtnetlink.listLinks(),
    (await rtnetlink.listCountedLinks({ settings: true })).map(({ link, settings }) => [link, settings]),
    await rtnetlink.listAddresses(),
    await rtnetlink.listRoutes(),
    await rtnetlink.listRules(),
    await rtnetlink.listNeighbours(),
  ];
}

it('answers as the namespace itself does, each answer once', async () => {
  const [asked] = await ask([blue.path], everything);
  expect(asked?.inode).toBe(statSync(blue.path).ino);
  using live = Rtnetlink.open(blue.path);
  const theirs = await listsOf(live);
  // Without a namespace to ask it can only give what was answered.
  using answering = Rtnetlink.openBlocking('/nonexistent', asked?.answers);
  const ours = await listsOf(answering);
  expect(ours).toEqual(theirs);
  expect(ours.flat().length).toBeGreaterThan(15);
  await expect(answering.listLinks()).rejects.toThrow(/\/nonexistent: ENOENT/);
  expect(await listAllListeners('/nonexistent', asked?.answers)).toEqual(await listAllListeners(blue.path));
});

it('asks the namespace itself for what was not asked before', async () => {
  const [asked] = await ask([blue.path], questions.addresses);
  using rtnetlink = Rtnetlink.openBlocking(blue.path, asked?.answers);
  using live = Rtnetlink.open(blue.path);
  expect(await rtnetlink.listLinks()).toEqual(await live.listLinks());
  expect(await rtnetlink.listAddresses()).toEqual(await live.listAddresses());
  expect(await rtnetlink.listAddresses()).toEqual(await live.listAddresses());
});

it('gives decoded lists without a wait, and nothing where there is none', async () => {
  const [ofBlue, ofNobody] = await ask(
    [blue.path, '/nonexistent'],
    [...questions.links, ...questions.addresses],
  );
  expect(ofNobody).toMatchObject({ descriptor: undefined, answers: undefined });
  if (ofBlue?.answers === undefined) throw new Error('it was not entered');
  using live = Rtnetlink.open(blue.path);
  expect(answered.links(ofBlue.answers)).toEqual(await live.listLinks());
  expect(answered.links(ofBlue.answers)).toBeUndefined();
  expect(answered.countedLinks(ofBlue.answers, false)).toBeUndefined();
  expect(answered.addresses(ofBlue.answers)).toEqual(await live.listAddresses());
});

it('tells the id of an open namespace, and that there is none', async () => {
  using live = Rtnetlink.open(blue.path);
  await withNetnsDescriptor(red.path, async (descriptor) => {
    const question = nsidQuestion(descriptor);
    const [ofBlue] = await ask([blue.path], [question]);
    const answers = ofBlue?.answers;
    expect(answers && answered.nsid(answers, question)).toBe(await live.nsidOf(red.path));
  });
  await withNetnsDescriptor('/proc/self/ns/net', async (descriptor) => {
    const question = nsidQuestion(descriptor);
    const [ofBlue] = await ask([blue.path], [question]);
    expect(ofBlue?.answers && answered.nsid(ofBlue.answers, question)).toBeUndefined();
  });
});

it('reads files of the namespace, tells absent ones from those that were not read', async () => {
  const folders = [{ path: '/proc/sys/net/ipv4', files: ['ip_forward', 'nothing', 'conf'] }];
  const asked = await askNamespaces([blue.path, '/nonexistent'], [], folders);
  for (const { descriptor } of asked) if (descriptor !== undefined) closeSync(descriptor);
  const [ofBlue, ofNobody] = asked.map(({ files }) => [...files]);
  expect(ofBlue).toEqual([
    ['/proc/sys/net/ipv4/ip_forward', '0'],
    ['/proc/sys/net/ipv4/nothing', undefined],
  ]);
  expect(ofNobody).toEqual([]);
});
