import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type EngineVersion } from '../support/engine.ts';
import { wantedEngines } from '../support/wanted-engines.ts';
import { OutcomeTable } from './expectations/table.ts';
import { applicationFaults } from './faults/application-faults.ts';
import { runFault, type Fault } from './faults/fault.ts';
import { firewallFaults, flushedFaults, proxylessFaults } from './faults/firewall-faults.ts';
import { healthySetUps, healthyWithoutProxy, type Healthy } from './faults/healthy.ts';
import { linkFaults } from './faults/link-faults.ts';
import { networkFaults, remakeApp } from './faults/network-faults.ts';
import { makePages, type Rig, rigOf } from './faults/rig.ts';

// The faults of container networking, injected one by one into a real engine: the cause is told first, names object
// and fact, and the command that is printed heals it. And as many set-ups in which nothing may be found.
// TSNET_TEST_ENGINES names the engines: `all`, or versions with commas; default: this machine's.

const table = new OutcomeTable();
afterAll(() => {
  process.stdout.write(`\n${table.format()}\n\n`);
});

for (const version of wantedEngines()) {
  describe(`engine ${version ?? 'of this machine'}`, () => testEngine(version));
}

function testEngine(version: EngineVersion | undefined): void {
  let rig: Rig;
  let lanServer: ChildProcess;
  beforeAll(async () => {
    const flags = { daemonFlags: ['--live-restore'] };
    rig = rigOf(await startEngine(version === undefined ? flags : { ...flags, version }));
    await makePages(rig);
    const server = ['busybox', 'httpd', '-f', '-p', '9000', '-h', rig.pages];
    lanServer = spawn('nsenter', [`--net=${rig.engine.lan.path}`, ...server]);
    await remakeApp(rig);
  });
  afterAll(async () => {
    lanServer.kill('SIGKILL');
    await rig.engine[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    const gone = ['web', 'extra', 'other'].map((name) => rig.docker('rm', '-f', name).catch(() => undefined));
    await Promise.all(gone);
    await rig.docker('network', 'rm', 'two').catch(() => undefined);
    await rig.host('sh', '-c', 'ip link del tsnet-mv0 2>/dev/null || true');
  });
  const rigNow = () => rig;
  const restart = (flags: readonly string[]) => rig.engine.restartEngine('SIGTERM', flags);

  describe('healthy set-ups', () => {
    for (const healthy of healthySetUps) testHealthy(healthy, rigNow);
  });
  describe('faults of applications', () => testFaults(applicationFaults, rigNow));
  describe('faults of links', () => testFaults(linkFaults, rigNow));
  describe('faults of networks', () => testFaults(networkFaults, rigNow));
  describe('faults of firewalls', () => testFaults(firewallFaults, rigNow));
  describe('without docker-proxy', () => {
    const flags = ['--live-restore'];
    beforeAll(() => restart([...flags, '--userland-proxy=false']));
    afterAll(() => restart(flags));
    testHealthy(healthyWithoutProxy, rigNow);
    testFaults(proxylessFaults, rigNow);
  });
  describe('faults that a restart heals', () => testFaults(flushedFaults, rigNow));
}

function testHealthy({ title, setUp, asks, flags = [] }: Healthy, rigNow: () => Rig): void {
  it(title, async () => {
    const rig = rigNow();
    const column = `${rig.engine.version} silent`;
    table.set(column, 'healthy', title, 'FAILS');
    const undo = await setUp(rig);
    try {
      await sleep(500);
      for (const ask of asks) {
        const report = await rig.inspectPort(...ask);
        expect(report, `inspect port ${ask.join(' ')}`).toMatchObject({ verdict: 'works', causes: [] });
      }
      expect((await rig.doctor(...flags)).findings).toEqual([]);
    } finally {
      await undo?.();
    }
    table.set(column, 'healthy', title, 'holds');
  });
}

function testFaults(faults: readonly Fault[], rigNow: () => Rig): void {
  for (const fault of faults) {
    const name = `${fault.id} ${fault.title}`;
    it(name, async () => {
      const rig = rigNow();
      const { version } = rig.engine;
      if (fault.engines?.test(version) === false) {
        table.set(`${version} found`, 'faults', name, 'not applicable');
        return;
      }
      await runFault(fault, rig, ({ found, healed }) => {
        const outcome = healed === true ? 'holds' : healed === false ? 'FAILS' : 'not applicable';
        table.set(`${version} found`, 'faults', name, found ? 'holds' : 'FAILS');
        table.set(`${version} healed`, 'faults', name, outcome);
      });
    });
  }
}
