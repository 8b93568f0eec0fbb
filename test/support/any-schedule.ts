import * as fc from 'fast-check';
import { join } from 'node:path';
import type { Operation } from './schedule-reference.ts';

const network = fc.constantFrom(0, 0, 0, 1);
const container = fc.integer({ min: 0, max: 3 });
const port = fc.option(fc.constantFrom(8080, 8081), { nil: undefined });
/** Most operations have fewer steps than 20: what is not killed by then is killed once it has answered. */
const killAt = fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined, freq: 2 });

const one = <T extends Operation['do']>(...names: T[]) => fc.constantFrom(...names);
const operation = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: one('create'), network, killAt }) },
  { weight: 1, arbitrary: fc.record({ do: one('delete'), network, killAt }) },
  { weight: 8, arbitrary: fc.record({ do: one('attach'), network, container, port, killAt }) },
  { weight: 4, arbitrary: fc.record({ do: one('detach'), network, container, killAt }) },
  { weight: 1, arbitrary: fc.record({ do: one('lose link'), network, container }) },
  { weight: 2, arbitrary: fc.record({ do: one('sweep', 'recover'), killAt }) },
  { weight: 2, arbitrary: fc.record({ do: one('restart', 'flush', 'reboot') }) },
) as fc.Arbitrary<Operation>;

/** Up to twelve operations on two networks and their containers, after the first network was made. */
export const anySchedule: fc.Arbitrary<readonly Operation[]> = fc
  .array(operation, { minLength: 1, maxLength: 12 })
  .map((operations) => [{ do: 'create', network: 0 }, ...operations]);

/** Schedules that every world runs alike: what becomes of their operations is written down in `schedule-outcomes.txt`. */
export const commonSchedules: readonly (readonly Operation[])[] = fc.sample(anySchedule, {
  seed: 11,
  numRuns: 8,
});

/** Where it is written down. */
export const outcomesFile = join(import.meta.dirname, 'schedule-outcomes.txt');

/** As it is written down: a line for each schedule. */
export function outcomesText(outcomes: readonly (readonly string[])[]): string {
  return `[\n${outcomes.map((line) => JSON.stringify(line)).join(',\n')}\n]\n`;
}
