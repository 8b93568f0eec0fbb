import { expect, it } from 'vitest';
import { damageRounds } from '../../support/state-damage.ts';

it('a damaged state gives the truth or an error that says so, and ends no process', async () => {
  const { rounds, failures } = await damageRounds(300, 20261201);
  expect(failures).toEqual([]);
  expect(rounds).toHaveLength(300);
  for (const outcome of [' fine', ' told']) expect(rounds.some((line) => line.endsWith(outcome))).toBe(true);
}, 120_000);
