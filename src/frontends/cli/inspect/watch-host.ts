import { Rtnetlink, type RtnetlinkEvent } from '../../../kernel/netlink/index.ts';
import { endWithReader } from '../closed-pipe.ts';

/** At most twice a second. */
const restMs = 500;

/**
 * Calls `look` now and after every change of links, addresses, routes and namespaces, of the host and of the
 * namespaces that it knows, until the process is asked to end or nobody reads any more. Changes that come close together are one.
 *
 * @param everyMs looks this often as well, where changes matter that nobody tells of
 * @throws what `look` throws, and denied where changes can't be heard of
 */
export async function watchHost(look: () => Promise<void>, everyMs?: number): Promise<void> {
  endWithReader();
  let wake = (): void => {};
  let isChanged = true;
  let isEnding = false;
  const onEvent = (event: RtnetlinkEvent): void => {
    // A bridge learns all the time, and answers show it when something else changes.
    if (event.kind === 'forwarding' || event.kind === 'neighbour') return;
    isChanged = true;
    wake();
  };
  const isOver = (): boolean => isEnding;
  const end = (): void => {
    isEnding = true;
    wake();
  };
  // For good: timeout(1) sends its signal twice, and the second one must not end what is ending.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  using rtnetlink = Rtnetlink.open();
  using _ = rtnetlink.subscribe(['link', 'address4', 'address6', 'route4', 'route6', 'nsid'], onEvent, {
    everywhere: true,
  });
  while (!isOver()) {
    if (isChanged) {
      isChanged = false;
      await look();
      await pause(restMs, (stop) => (wake = stop), isOver);
    } else {
      await pause(
        everyMs,
        (stop) => (wake = stop),
        () => isEnding || isChanged,
      );
      // Nobody woke it: the time is over.
      isChanged = true;
    }
  }
}

/** Waits so long, or for ever, until `isOver` when somebody wakes it. */
function pause(
  milliseconds: number | undefined,
  onStop: (stop: () => void) => void,
  isOver: () => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    const timer = milliseconds === undefined ? undefined : setTimeout(resolve, milliseconds);
    const stop = (): void => {
      if (!isOver()) return;
      clearTimeout(timer);
      resolve();
    };
    onStop(stop);
    stop();
  });
}
