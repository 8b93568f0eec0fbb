import { setTimeout as sleep } from 'node:timers/promises';
import { compareFacts, isNothing, type Difference } from './host-facts.ts';
import { formatKillPoint, killEnvironment } from './kill-point.ts';
import type { Kind } from './kind.ts';
import { restingFacts } from './resting-facts.ts';
import { createRandom, type Random } from './random.ts';
import { createSchedule, type Planned } from './schedule.ts';
import { startTortureHost, tsnetCall, type TortureHost } from './torture-host.ts';
import { startWitnesses } from './witnesses.ts';

/** A schedule after which something was left, lost or refused. */
export interface Finding {
  readonly kind: string;
  readonly round: number;
  readonly seed: number;
  /** What was done, in order, the killed call first. */
  readonly schedule: readonly string[];
  readonly problems: readonly string[];
}

/** What became of the rounds of one kind. */
export interface KillReport {
  readonly kind: string;
  readonly rounds: number;
  /** Kills that came before the call was over. */
  readonly kills: number;
  /** Kill points known by number, and how many of them were used. */
  readonly points: { readonly known: number; readonly used: number };
  readonly seconds: number;
  readonly findings: readonly Finding[];
}

/** How long a round goes on, and who hears of it. */
export interface KillOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly onProgress?: (text: string) => void;
  /** Ends after the round that is under way, which does not count when it fails. */
  readonly signal?: AbortSignal;
}

/** Whatever ends by itself after the last call has so long for it. */
const settleMs = 5_000;

/** A host with its witnesses, and the look at it when nothing else is there. */
interface Stage {
  readonly host: TortureHost;
  readonly before: readonly string[];
}

/**
 * Kills operations of one kind, half of them before a step by its number, until each was used, half at any time. After
 * each kill somebody goes on as he likes, then everything of the round ends, and the host has to be as it was before.
 */
export async function runKills(
  kind: Kind,
  { rounds, seed, onProgress, signal }: KillOptions,
): Promise<KillReport> {
  const begin = performance.now();
  const findings: Finding[] = [];
  let kills = 0;
  let played = 0;
  const schedule = createSchedule(kind, seed);
  let stage = await startStage(kind);
  try {
    for (let round = 0; round < rounds; round += 1) {
      if (signal?.aborted === true) break;
      const random = createRandom(seed + 7919 * (round + 1));
      const planned = await schedule.next(stage.host, round, random);
      const outcome = await playRound(stage, kind, { ...planned, random }).catch((error: unknown) => {
        // A terminal tells the whole group of processes: what fails now fails for that.
        if (signal?.aborted === true) return undefined;
        throw error;
      });
      if (outcome === undefined) break;
      const { steps, problems, isKilled } = outcome;
      played += 1;
      if (isKilled) kills += 1;
      if (problems.length > 0) {
        findings.push({ kind: kind.name, round, seed, schedule: steps, problems });
        onProgress?.(`round ${round}: ${steps.join('; ')}\n    ${problems.join('\n    ')}`);
        await stage.host[Symbol.asyncDispose]();
        stage = await startStage(kind);
      }
      if ((round + 1) % 50 === 0) {
        const perMinute = (60_000 * (round + 1)) / (performance.now() - begin);
        onProgress?.(
          `${kind.name}: ${round + 1} rounds, ${findings.length} findings, ${perMinute.toFixed(0)} a minute`,
        );
      }
    }
    return {
      kind: kind.name,
      rounds: played,
      kills,
      points: schedule.points(),
      seconds: (performance.now() - begin) / 1000,
      findings,
    };
  } finally {
    await stage.host[Symbol.asyncDispose]();
  }
}

async function startStage(kind: Kind): Promise<Stage> {
  const host = await startTortureHost();
  try {
    await kind.prepare?.(host);
    await startWitnesses(host);
    await host.succeed(tsnetCall('gc', '--older-than', '0'));
    return { host, before: await restingFacts(host) };
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
}

interface Round extends Planned {
  readonly random: Random;
}

async function playRound(stage: Stage, kind: Kind, { operation, point, random }: Round) {
  const { host, before } = stage;
  await operation.prepare?.(host);
  const { code } = await operation.act(host, killEnvironment(point));
  const isKilled = code === 'killed';
  const steps = [`${operation.name} killed ${formatKillPoint(point)}${isKilled ? '' : ' (was over)'}`];
  const problems: string[] = [];
  for (let left = random.below(4); left > 0; left -= 1) {
    const continuation = random.pick(kind.continuations);
    steps.push(continuation.name);
    problems.push(...(await continuation.run(host, random)).map((text) => `${continuation.name}: ${text}`));
  }
  problems.push(...(await kind.end(host)).map((text) => `end: ${text}`));
  problems.push(...(await collect(host)));
  problems.push(...(await host.checkAgents()));
  problems.push(...(await settle(host, before)));
  return { steps, problems, isKilled };
}

/** A host's owner runs this now and then; a daemon does the same at its start. */
async function collect(host: TortureHost): Promise<string[]> {
  const { code, stderr } = await host.call(tsnetCall('gc', '--older-than', '0'));
  return code === 0 ? [] : [`gc: ${code} ${stderr.trim()}`];
}

/** Waits until the host is as before. @returns what is left and lost if it never is */
async function settle(host: TortureHost, before: readonly string[]): Promise<string[]> {
  const deadline = Date.now() + settleMs;
  for (;;) {
    const difference = compareFacts(before, await host.facts());
    if (isNothing(difference)) return [];
    if (Date.now() > deadline) return formatDifference(difference);
    await sleep(200);
  }
}

/** The records first, which tell most; a link that is left brings a hundred lines of its own. */
function formatDifference({ left, lost }: Difference): string[] {
  const lines = [...lost.map((line) => `lost ${line}`), ...left.map((line) => `left ${line}`)];
  const isTelling = (line: string) => /^\w+ (?:record|file|link|process|nft|mount)/.test(line);
  const sorted = [...lines.filter(isTelling), ...lines.filter((line) => !isTelling(line))];
  const shown = sorted.slice(0, 12).map((line) => line.slice(0, 240));
  return sorted.length > shown.length ? [...shown, `and ${sorted.length - shown.length} more`] : shown;
}
