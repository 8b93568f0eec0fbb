import { expect, it } from 'vitest';
import { damageRounds } from '../../support/state-damage.ts';

/** `scripts/torture damage` asks for more of them, and others. */
const rounds = Number(process.env['TSNET_DAMAGE_ROUNDS'] ?? 300);
const seed = Number(process.env['TSNET_DAMAGE_SEED'] ?? 20261201);

it(
  'a damaged state gives the truth or an error that says so, and ends no process',
  async () => {
    const report = await damageRounds(rounds, seed);
    expect(report.failures).toEqual([]);
    expect(report.rounds).toHaveLength(rounds);
    // A handful may happen to come out alike.
    if (rounds < 50) return;
    for (const outcome of [' fine', ' told']) {
      expect(report.rounds.some((line) => line.endsWith(outcome))).toBe(true);
    }
  },
  60_000 + rounds * 400,
);
