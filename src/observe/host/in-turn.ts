import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long the event loop is kept at a stretch. */
const turnMs = 20;

/**
 * What `action` gives for each item, one after the other, with pauses in which others get their turn: actions that ask
 * the kernel keep the event loop.
 */
export async function inTurn<Item, Result>(
  items: readonly Item[],
  action: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let started = performance.now();
  for (const item of items) {
    results.push(await action(item));
    if (performance.now() - started < turnMs) continue;
    await nextTurn();
    started = performance.now();
  }
  return results;
}
