import { afterAll, beforeAll, expect, it } from 'vitest';
import { lanAddresses, startEngine, testImage, type Engine } from '../support/engine.ts';
import { until } from '../support/engine-run.ts';
import { httpWhoami } from '../support/traffic.ts';

const { engine: host, lan } = lanAddresses;
/** Two seconds are promised. */
const noticeMs = 2_000;

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ daemonFlags: ['--live-restore'] });
  await engine.startDaemon();
  await engine.docker('network', 'create', '-d', 'tsnet', '--ipam-driver', 'tsnet', 'n1');
  await engine.docker('run', '-d', '--name', 'web', '--network', 'n1', '-p', '8080:80', testImage);
  await until('web serves', isReached);
});
afterAll(async () => {
  await engine.docker('rm', '-f', 'web');
  await engine.docker('network', 'rm', 'n1');
  await engine.stopDaemon();
  expect(await engine.leftovers()).toEqual([]);
  expect(await engine.daemonLog()).not.toContain('"kind":"bug"');
  await engine[Symbol.asyncDispose]();
});

async function isReached(): Promise<boolean> {
  return (await httpWhoami(engine.lan.exec, `${host.ipv4}:8080`).catch(() => '')) === lan.ipv4;
}

const restored = async () =>
  (await engine.daemonLog()).split('\n').filter((line) => line.includes('"message":"restored"'));

it.each(['nft flush ruleset', 'iptables -F', 'nft delete table inet tsnet'])(
  'a container is reached again within two seconds after %s',
  async (command) => {
    const before = (await restored()).length;
    await engine.netns.exec('sh', '-c', command);
    const damaged = performance.now();
    await until('it is restored', async () => (await restored()).length > before, noticeMs);
    expect(performance.now() - damaged).toBeLessThan(noticeMs);
    await until('web is reached', isReached);
  },
);

it('the engine puts its chains first when it starts, and our rules come back before them', async () => {
  await engine.restartEngine('SIGTERM');
  await until(
    'our jump comes before those of the engine',
    async () => {
      const rules = (await engine.netns.exec('iptables', '-S', 'FORWARD')).split('\n');
      const [ours, theirs] = ['TSNET-FORWARD', 'DOCKER-ISOLATION-STAGE-1'].map((chain) =>
        rules.indexOf(`-A FORWARD -j ${chain}`),
      );
      return ours !== undefined && theirs !== undefined && ours > 0 && ours < theirs;
    },
    noticeMs,
  );
  await until('web is reached', isReached);
});

it('tsnet reconcile puts things in order at once without the daemon, and only says what in a dry run', async () => {
  await engine.stopDaemon();
  await engine.netns.exec('nft', 'flush', 'ruleset');
  const said = await engine.tsnet('reconcile', '--dry-run');
  expect(said).toContain('~ nft table inet tsnet');
  expect(said).toMatch(/^\+ rules dev tsb-/m);
  expect(said).toMatch(/^\+ port tcp 0\.0\.0\.0:8080 to /m);
  expect(await engine.netns.exec('nft', 'list', 'tables')).toBe('');
  expect(await engine.tsnet('reconcile')).toBe(said);
  expect(await isReached()).toBe(true);
  expect(await engine.tsnet('reconcile')).toBe('');
  await engine.startDaemon();
});
