import { readFileSync, rmSync } from 'node:fs';
import { killEnvironment, type KillPoint } from './kill-point.ts';
import type { Kind, Operation } from './kind.ts';
import { createRandom, type Random } from './random.ts';
import type { TortureHost } from './torture-host.ts';

/** What is killed next, and when. */
export interface Planned {
  readonly operation: Operation;
  readonly point: KillPoint;
}

/** Which operation of a kind is killed where, one round after the other. */
export interface Schedule {
  /** An operation is measured on the host when its turn comes for the first time. */
  next(host: TortureHost, round: number, random: Random): Promise<Planned>;
  /** Steps of the operations that had their turn, and how many of them a kill was planned before. */
  points(): { readonly known: number; readonly used: number };
}

/** How long an operation takes, and which of its steps are still to come, in the order of a shuffle. */
interface Measured {
  readonly steps: number;
  readonly milliseconds: number;
  readonly order: readonly number[];
  used: number;
}

/** On the private host. */
const stepsFile = '/run/steps';

/**
 * Operations in turn, each at first before one of its steps, then at any time. No step comes twice before all had their
 * turn.
 */
export function createSchedule(kind: Kind, seed: number): Schedule {
  const chance = createRandom(seed);
  const operations = chance.shuffle(kind.operations);
  const known = new Map<Operation, Measured>();
  return {
    async next(host, round, random) {
      const operation = operations[Math.floor(round / 2) % operations.length];
      if (operation === undefined) throw new Error(`${kind.name} has no operations`);
      let measured = known.get(operation);
      if (measured === undefined) {
        const { steps, milliseconds } = await measure(host, kind, operation);
        const numbers = Array.from({ length: steps }, (_, index) => index + 1);
        measured = { steps, milliseconds, order: chance.shuffle(numbers), used: 0 };
        known.set(operation, measured);
      }
      if (round % 2 === 1) return { operation, point: atAnyTime(measured, random) };
      const step = measured.order[measured.used % measured.steps] ?? 1;
      measured.used += 1;
      return { operation, point: { step } };
    },
    points() {
      const all = [...known.values()];
      const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
      return {
        known: sum(all.map(({ steps }) => steps)),
        used: sum(all.map(({ steps, used }) => Math.min(steps, used))),
      };
    },
  };
}

async function measure(host: TortureHost, kind: Kind, operation: Operation) {
  await operation.prepare?.(host);
  const { milliseconds } = await operation.act(host, killEnvironment(undefined, stepsFile));
  await kind.end(host);
  const path = host.host.path(stepsFile);
  const steps = readFileSync(path, 'utf8').trim().split('\n').length;
  rmSync(path);
  return { steps, milliseconds };
}

/** A good part of a call is the start of Node, in which nothing can go wrong. */
function atAnyTime({ milliseconds }: Measured, random: Random): KillPoint {
  return { microseconds: 350 * milliseconds + random.below(Math.ceil(650 * milliseconds)) };
}
