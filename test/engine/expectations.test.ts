import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type Engine, type EngineVersion } from '../support/engine.ts';
import { wantedEngines } from '../support/wanted-engines.ts';
import { type Group, knownFailureOf, runCase } from './expectations/case.ts';
import { type Combination, combinations, isAtLeast, titleOf } from './expectations/combination.ts';
import { groups } from './expectations/groups.ts';
import { makeHarness, removeEverything, Undoes, type Harness } from './expectations/harness.ts';
import { describeHost } from './expectations/host-state.ts';
import { makeSurroundings } from './expectations/surroundings.ts';
import { OutcomeTable } from './expectations/table.ts';

// What users of Docker expect of a network driver: the same cases for Docker's bridge driver and for tsnet on both
// firewall back ends. TSNET_TEST_ENGINES names the engines: `all`, or versions with commas; default: this machine's, and
// then without the bridge driver, which shows that the cases are right and not that tsnet is.

const asked = combinations.filter(
  ({ driver }) => driver === 'tsnet' || process.env['TSNET_TEST_ENGINES'] !== undefined,
);

const table = new OutcomeTable();
afterAll(() => {
  process.stdout.write(`\n${table.format()}\n\n`);
});

for (const version of wantedEngines()) {
  describe(`engine ${version ?? 'of this machine'}`, () => testEngine(version));
}

function testEngine(version: EngineVersion | undefined): void {
  let engine: Engine;
  let surroundings: Awaited<ReturnType<typeof makeSurroundings>>;
  beforeAll(async () => {
    engine = await startEngine(version === undefined ? {} : { version });
    surroundings = await makeSurroundings(engine);
  });
  afterAll(async () => {
    await surroundings[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
  });

  for (const combination of asked) {
    const { driver, firewall } = combination;
    describe(titleOf(combination), () => {
      beforeAll(async () => {
        if (driver === 'tsnet') await engine.startDaemon('--firewall', firewall);
      });
      afterAll(async () => {
        if (driver !== 'tsnet') return;
        await engine.stopDaemon();
        expect(await engine.daemonLog()).not.toContain('"kind":"bug"');
      });
      for (const group of groups) {
        describe(group.name, () =>
          testGroup(group, combination, () => ({ engine, farNetns: surroundings.farNetns })),
        );
      }
    });
  }
}

function testGroup(
  { name: group, setUp, cases }: Group,
  combination: Combination,
  place: () => { readonly engine: Engine; readonly farNetns: string },
): void {
  const undoes = new Undoes();
  const harnessFor = (defer: Harness['defer']) => makeHarness(place(), combination, defer);
  beforeAll(async () => {
    await setUp?.(harnessFor(undoes.defer));
  });
  afterAll(async () => {
    const { engine } = place();
    await undoes.run();
    await removeEverything(engine);
    if (combination.driver === 'tsnet') expect(await engine.leftovers()).toEqual([]);
  });

  for (const each of cases) {
    it(each.name, async () => {
      const { version } = place().engine;
      const column = `${version} ${titleOf(combination)}`;
      if (each.since !== undefined && !isAtLeast(version, each.since)) {
        table.set(column, group, each.name, 'not applicable');
        return;
      }
      table.set(column, group, each.name, 'FAILS');
      const own = new Undoes();
      const failure = knownFailureOf(each, combination, version);
      const outcome = await runCase(each, harnessFor(own.defer), failure).catch(async (error: unknown) => {
        process.stdout.write(`\n${column}: ${each.name}\n${await describeHost(place().engine)}\n\n`);
        // What the case could not finish may not be there to be undone.
        await own.run().catch(() => undefined);
        throw error;
      });
      await own.run();
      table.set(column, group, each.name, outcome, failure?.because);
    });
  }
}
