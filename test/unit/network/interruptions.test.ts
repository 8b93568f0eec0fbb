import * as fc from 'fast-check';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import type { SimulatedKernel as Simulated } from '../../support/simulated-kernel.ts';
import { anySchedule, commonSchedules, outcomesFile, outcomesText } from '../../support/any-schedule.ts';
import type { Operation } from '../../support/schedule-reference.ts';
import { runSchedule, type World } from '../../support/schedules.ts';
import { SimulatedKernel } from '../../support/simulated-kernel.ts';
import { State } from '../../../src/state/index.ts';

// `TSNET_SCHEDULES` says how many schedules are tried, `TSNET_SEED` which ones.
const schedules = Number(process.env['TSNET_SCHEDULES'] ?? 1_500);
const seed = Number(process.env['TSNET_SEED'] ?? 11);

const settings = vi.hoisted(() => ({ kernel: undefined as Simulated | undefined }));
vi.mock('../../../src/kernel/proc/sysctl.ts', () => ({
  readSysctl: (path: string) => settings.kernel?.readSysctl(path),
  writeSysctl: (path: string, value: string) => settings.kernel?.writeSysctl(path, value),
}));

/** A host in memory. */
class SimulatedWorld implements World, Disposable {
  readonly #folder = mkdtempSync('/dev/shm/tsnet-schedules-');
  readonly #kernel = new SimulatedKernel(join(this.#folder, 'host'));
  /** Keeps the files open from one process to the next. */
  readonly #state: State;
  #firstBoot = 0;

  constructor() {
    writeFileSync(join(this.#folder, 'host'), '');
    mkdirSync(join(this.#folder, 'run/locks'), { recursive: true });
    settings.kernel = this.#kernel;
    this.#state = State.open(this.#stateOptions(0));
  }

  #stateOptions(boot: number) {
    const [directory, runDirectory] = [join(this.#folder, 'state'), join(this.#folder, 'run')];
    return { directory, runDirectory, bootId: `boot-${boot}` };
  }

  /** Another schedule begins, in a boot of its own. */
  begin(): void {
    this.#firstBoot += 1_000;
  }

  place(boot: number) {
    return {
      kernel: this.#kernel.kernel,
      rtnetlink: this.#kernel.rtnetlink(),
      state: this.#stateOptions(this.#firstBoot + boot),
      runDirectory: join(this.#folder, 'run'),
    };
  }

  sandbox(container: number): string {
    const path = join(this.#folder, `c${container}`);
    writeFileSync(path, '');
    return path;
  }

  flushRules = async () => this.#kernel.flushRules();
  deleteLink = async (name: string) => this.#kernel.deleteLink(name);
  reboot = async () => this.#kernel.reboot();
  openSandbox = (path: string) => this.#kernel.rtnetlink(path);
  leftovers = async () => this.#kernel.describe();

  [Symbol.dispose](): void {
    this.#state[Symbol.dispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

let world: SimulatedWorld | undefined;
afterAll(() => world?.[Symbol.dispose]());

/** A schedule leaves its world empty, unless something did not hold. */
async function run(operations: readonly Operation[]): Promise<string[]> {
  const here = world ?? new SimulatedWorld();
  world = undefined;
  here.begin();
  try {
    const outcomes = await runSchedule(here, operations);
    world = here;
    return outcomes;
  } finally {
    if (world === undefined) here[Symbol.dispose]();
  }
}

const create = { do: 'create', network: 0 } as const;
const attach = { do: 'attach', network: 0, container: 0 } as const;
const detach = { do: 'detach', network: 0, container: 0 } as const;
const [flush, recover] = [{ do: 'flush' }, { do: 'recover' }] as const;

/** What each of these once cost is in the changelog and in `test/kernel/run/interrupted.test.ts`. */
const known: readonly (readonly [string, readonly Operation[]])[] = [
  ['A1: the next container', [create, { ...attach, killAt: 5 }, detach, attach, flush, recover]],
  [
    'A1: whoever has the port by then',
    [
      create,
      { ...attach, port: 8080, killAt: 5 },
      detach,
      { ...attach, container: 1, port: 8080 },
      flush,
      recover,
      { ...attach, container: 2, port: 8080 },
    ],
  ],
  ['A2: two that were killed', [create, { ...attach, killAt: 3 }, detach, { ...attach, killAt: 3 }, recover]],
  ['A3: a network that is being made', [{ do: 'create', network: 1, killAt: 5 }]],
  ['A4: a network that is being removed', [create, { do: 'delete', network: 0, killAt: 1 }, create]],
];

it.each(known)('%s', async (_, operations) => void (await run(operations)));

it('operations fare as it is written down, which the kernel lane finds on Linux as well', async () => {
  const outcomes: string[][] = [];
  for (const operations of commonSchedules) outcomes.push(await run(operations));
  await expect(outcomesText(outcomes)).toMatchFileSnapshot(outcomesFile);
});

it('whoever is killed when: what was acknowledged stays, and nothing stays that nobody has', async () => {
  await fc.assert(
    fc.asyncProperty(anySchedule, async (operations) => void (await run(operations))),
    { seed, numRuns: schedules },
  );
}, 600_000);
