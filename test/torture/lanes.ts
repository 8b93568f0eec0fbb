import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { kinds } from './kinds.ts';
import { runKills, type Finding } from './kills.ts';

const project = resolve(import.meta.dirname, '../..');

/** What was asked for. */
export interface LaneOptions {
  /** Rounds of each kind of a lane. */
  readonly rounds: number;
  readonly seed: number;
  /** Only kinds of these names, where a lane has kinds; empty means all. */
  readonly only: readonly string[];
  readonly onProgress: (text: string) => void;
  /** Ends it early, with what there is by then. */
  readonly signal: AbortSignal;
}

/** One line of the table at the end. */
export interface LaneResult {
  readonly lane: string;
  readonly kind: string;
  readonly rounds: number;
  /** What the rounds did, in a few words. */
  readonly did: string;
  readonly seconds: number;
  readonly failures: number;
  readonly findings?: readonly Finding[];
}

/** One lane: a way of making tsnet's life hard. */
export type Lane = (options: LaneOptions) => AsyncIterable<LaneResult>;

/** All lanes, in the order in which they run. The others are tests that repeat themselves on demand. */
export const lanes: Readonly<Record<string, Lane>> = {
  kills,
  damage: testLane('damage', 'unit', 'test/unit/state/damage.test.ts', 'TSNET_DAMAGE'),
  attacks: testLane('attacks', 'kernel', 'test/kernel/attacks', 'TSNET_ATTACKS'),
  fuzz: testLane('fuzz', 'unit', 'test/unit/fuzz', 'TSNET_FUZZ'),
};

async function* kills({ rounds, seed, only, onProgress, signal }: LaneOptions): AsyncGenerator<LaneResult> {
  const unknown = only.find((name) => !kinds.some((kind) => kind.name === name));
  if (unknown !== undefined) {
    throw new Error(`unknown kind ${unknown}; known: ${kinds.map(({ name }) => name).join(', ')}`);
  }
  for (const kind of kinds) {
    if (signal.aborted || (only.length > 0 && !only.includes(kind.name))) continue;
    const report = await runKills(kind, { rounds, seed, onProgress, signal });
    const { points, seconds, findings } = report;
    const did = `${report.kills} killed; ${points.used} of ${points.known} steps`;
    yield {
      lane: 'kills',
      kind: kind.name,
      rounds: report.rounds,
      did,
      seconds,
      failures: findings.length,
      findings,
    };
  }
}

/**
 * Tests of a folder or a file, told by variables how often and from which seed.
 *
 * @throws Error when it is not there
 */
function testLane(lane: string, suite: string, place: string, variables: string): Lane {
  return async function* runTests({ rounds, seed }) {
    if (!existsSync(join(project, place)))
      throw new Error(`the lane ${lane} needs ${place}, which is not there`);
    const begin = performance.now();
    const words = ['--no-install', 'vitest', 'run', '--project', suite, '--maxWorkers=2', place];
    const child = spawn('npx', words, {
      cwd: project,
      env: { ...process.env, [`${variables}_ROUNDS`]: String(rounds), [`${variables}_SEED`]: String(seed) },
      // What the tests print is progress.
      stdio: ['ignore', 2, 2],
    });
    await once(child, 'exit');
    const failures = child.exitCode === 0 ? 0 : 1;
    const did = failures === 0 ? 'all tests passed' : 'tests FAILED, see above';
    yield { lane, kind: place, rounds, did, seconds: (performance.now() - begin) / 1000, failures };
  };
}
