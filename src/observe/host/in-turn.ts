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
  // Not `performance`: to load it takes longer than many a look.
  let started = Date.now();
  for (const item of items) {
    results.push(await action(item));
    if (Date.now() - started < turnMs) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    started = Date.now();
  }
  return results;
}
