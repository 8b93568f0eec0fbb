import { expect, it } from 'vitest';
import { kinds } from '../../torture/kinds.ts';
import { runKills } from '../../torture/kills.ts';

// A few rounds of each kind; `scripts/torture kills` plays as many as one likes.
const rounds = 4;
const seed = 1;

it.each(kinds)('kills leave nothing and cost nobody anything: $name', { timeout: 300_000 }, async (kind) => {
  const { findings, kills, points } = await runKills(kind, { rounds, seed });
  expect(findings).toEqual([]);
  expect(kills).toBeGreaterThan(0);
  expect(points.known).toBeGreaterThan(20);
});
