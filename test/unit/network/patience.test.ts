import { expect, it } from 'vitest';
import { Patience } from '../../../src/network/patience.ts';

it('lets a handful of repairs pass, then slows down up to a minute, and forgets when it is quiet', () => {
  const patience = new Patience();
  let now = 0;
  const repair = () => {
    const pause = patience.afterRepair(now);
    now += pause + 500;
    return pause;
  };
  expect(Array.from({ length: 12 }, repair)).toEqual([
    0, 0, 0, 0, 0, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000,
  ]);
  now += 200_000;
  expect(repair()).toBe(0);
});
