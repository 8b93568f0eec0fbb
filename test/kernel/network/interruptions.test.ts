import * as fc from 'fast-check';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openFirewall } from '../../../src/firewall/index.ts';
import { Rtnetlink } from '../../../src/kernel/netlink/index.ts';
import { anySchedule, commonSchedules, outcomesFile, outcomesText } from '../../support/any-schedule.ts';
import { createNetns, type Netns } from '../../support/netns.ts';
import { runSchedule, type World } from '../../support/schedules.ts';

// The schedules of the unit lane, whose kernel is simulated, on Linux. `TSNET_SCHEDULES` says how many, `TSNET_SEED` which.
const schedules = Number(process.env['TSNET_SCHEDULES'] ?? 10);
const seed = Number(process.env['TSNET_SEED'] ?? 12);

let netns: Netns;
let boxes: readonly Netns[];
let folder: string;
let runDirectory: string;
let world: World & Disposable;
let firstBoot = 0;

beforeAll(async () => {
  netns = await createNetns('host');
  boxes = await Promise.all(Array.from({ length: 4 }, () => createNetns('box')));
  folder = mkdtempSync(join(tmpdir(), 'tsnet-schedules-'));
  runDirectory = mkdtempSync('/dev/shm/tsnet-schedules-');
  mkdirSync(join(runDirectory, 'locks'), { recursive: true });
  world = await openWorld();
});
afterAll(async () => {
  world[Symbol.dispose]();
  for (const one of [netns, ...boxes]) await one[Symbol.asyncDispose]();
  for (const one of [folder, runDirectory]) rmSync(one, { recursive: true, force: true });
});

async function openWorld(): Promise<World & Disposable> {
  const rtnetlink = Rtnetlink.open(netns.path);
  const background = Rtnetlink.open(netns.path);
  const firewall = await openFirewall({
    backend: 'nftables',
    lockDirectory: runDirectory,
    netns: netns.path,
  });
  const openSandbox = Rtnetlink.openBlocking.bind(Rtnetlink);
  const ours = async () =>
    (await rtnetlink.listLinks()).filter(({ alias }) => alias?.startsWith('tsnet:') === true);
  const flushRules = async () => void (await netns.exec('nft', 'flush', 'ruleset'));
  return {
    place: (boot) => ({
      kernel: { rtnetlink, firewall, netns: netns.path },
      rtnetlink: background,
      state: { directory: join(folder, 'state'), runDirectory, bootId: `boot-${firstBoot + boot}` },
      runDirectory,
    }),
    sandbox: (container) => boxes[container]?.path ?? '',
    flushRules,
    deleteLink: async (name) =>
      void (await rtnetlink.deleteLink(name as Parameters<typeof rtnetlink.deleteLink>[0])),
    reboot: async () => {
      await flushRules();
      for (const { name } of await ours()) {
        await rtnetlink.deleteLink(name as Parameters<typeof rtnetlink.deleteLink>[0]);
      }
    },
    openSandbox,
    leftovers: async () => [
      ...(await ours()).map(({ name }) => `link ${name}`),
      ...(await firewall.observeAll()).map(({ kind }) => kind),
      ...((await netns.exec('nft', 'list', 'tables')).stdout.match(/\w+ tsnet/g) ?? []),
    ],
    [Symbol.dispose]() {
      firewall[Symbol.dispose]();
      background[Symbol.dispose]();
      rtnetlink[Symbol.dispose]();
    },
  };
}

it('is as the simulated kernel, operation for operation', async () => {
  const outcomes: string[][] = [];
  for (const operations of commonSchedules) {
    firstBoot += 1_000;
    outcomes.push(await runSchedule(world, operations));
  }
  await expect(outcomesText(outcomes)).toMatchFileSnapshot(outcomesFile);
}, 600_000);

it('whoever is killed when: what was acknowledged stays, and nothing stays that nobody has', async () => {
  await fc.assert(
    fc.asyncProperty(anySchedule, async (operations) => {
      firstBoot += 1_000;
      await runSchedule(world, operations);
    }),
    { seed, numRuns: schedules, endOnFailure: true },
  );
}, 600_000);
