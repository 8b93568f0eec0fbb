import { setTimeout as sleep } from 'node:timers/promises';
import { compareFacts, isNothing } from './host-facts.ts';
import type { TortureHost } from './torture-host.ts';

/** A look at a host once nothing changes by itself: IPv6 takes its time to make an address of its own usable. */
export async function restingFacts(host: TortureHost): Promise<string[]> {
  for (let facts = await host.facts(); ;) {
    await sleep(1_500);
    const later = await host.facts();
    if (isNothing(compareFacts(facts, later))) return later;
    facts = later;
  }
}
