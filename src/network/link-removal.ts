import type { Rtnetlink } from '../kernel/netlink/index.ts';
import type { IfName } from '../model/index.ts';
import type { Logger } from './context.ts';

/** How long links are gathered: deleting many by one group costs as much as one. */
const gatheringMs = 2;

/**
 * Deletes the links of ended endpoints behind the caller's back. A deletion waits 15 to 20 ms for the kernel's grace
 * periods, and nobody needs its end: the record is gone, the container's side was moved out, and what is left after a
 * crash carries our mark for recovery.
 */
export class LinkRemoval implements Disposable {
  readonly #rtnetlink: Rtnetlink;
  readonly #log: Logger;
  #gathered: IfName[] = [];
  #running: Promise<void> = Promise.resolve();

  /** @param rtnetlink its own, because what waits for the kernel holds up everything else on a socket */
  constructor(rtnetlink: Rtnetlink, log: Logger) {
    this.#rtnetlink = rtnetlink;
    this.#log = log;
  }

  /** Deletes links soon; those that are gone already are fine. */
  add(names: readonly IfName[]): void {
    if (names.length === 0) return;
    if (this.#gathered.length === 0) {
      this.#running = Promise.all([this.#running, pause()]).then(() => this.#remove());
    }
    this.#gathered.push(...names);
  }

  /** Waits until everything that was added is gone. */
  async idle(): Promise<void> {
    await this.#running;
  }

  [Symbol.dispose](): void {
    this.#rtnetlink[Symbol.dispose]();
  }

  async #remove(): Promise<void> {
    const names = this.#gathered;
    this.#gathered = [];
    try {
      await this.#rtnetlink.deleteLinks(names);
    } catch (error) {
      this.#log.warn('links of ended endpoints are left for the next recovery', {
        links: names,
        error: String(error),
      });
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, gatheringMs);
  });
}
