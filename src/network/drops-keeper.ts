import { toTsnetError, type Resource } from '../model/index.ts';
import type { Context } from './context.ts';
import { dropsAmong, readDrops, readNetworkResources } from './network-resources.ts';

const noGuard = 'no guard against flushes: until rules are put back nothing is filtered';
const notRestored = 'what networks forbid could not be put back at once';

/** How often it is said that rules were put back, while somebody takes them away again and again. */
const reportMs = 1_000;

/**
 * Keeps what networks forbid in force, without waiting for anything: guards it against flushes, and puts it back; where
 * the kernel has no such guard a stopgap is there meanwhile. Ports follow in a thorough repair.
 */
export class DropsKeeper {
  readonly #context: Context;
  #seenChanges: number | undefined;
  #running: Promise<void> | undefined;
  #hasMore = false;
  #isStopped = false;
  /** By what is wrong: why, as it was said last. */
  readonly #complaints = new Map<string, string>();
  #reportedMs = Number.NEGATIVE_INFINITY;
  #unreported = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Removes the guard, when what is under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    try {
      this.#context.kernel.firewall.releaseGuard();
    } catch (error) {
      this.#complain('the guard against flushes could not be removed', error);
    }
  }

  /** To be called when rules have changed: costs 0.02 ms where only we changed them. */
  async onRuleChange(): Promise<void> {
    if (this.#isStopped) return;
    try {
      const changes = this.#context.kernel.firewall.countForeignChanges();
      if (changes === this.#seenChanges) return;
      this.#seenChanges = changes;
    } catch (error) {
      this.#complain(notRestored, error);
    }
    this.guard();
    this.#closeGap();
    await this.restore();
  }

  #closeGap(): void {
    try {
      this.#context.kernel.firewall.addStopgap(dropsAmong(readNetworkResources(this.#context)));
    } catch (error) {
      this.#complain(notRestored, error);
    }
  }

  /** Guards the bridges of networks. @param resources as `readNetworkResources` gives them; absent means now */
  guard(resources?: readonly Resource[]): void {
    try {
      const wanted = resources ?? readNetworkResources(this.#context);
      this.#context.kernel.firewall.holdGuard(dropsAmong(wanted));
      this.#complaints.delete(noGuard);
    } catch (error) {
      this.#complain(noGuard, error);
    }
  }

  /** Puts back what is absent; once more if it is asked for meanwhile. Failures are logged. */
  async restore(): Promise<void> {
    this.#hasMore = true;
    this.#running ??= this.#restoreAll();
    await this.#running;
  }

  async #restoreAll(): Promise<void> {
    while (this.#hasMore && !this.#isStopped) {
      this.#hasMore = false;
      try {
        const { firewall } = this.#context.kernel;
        this.#report(await firewall.restoreDrops(readDrops(this.#context)));
        // One that was added meanwhile has its turn of the loop.
        if (!this.#hasMore) firewall.removeStopgap();
        this.#complaints.delete(notRestored);
      } catch (error) {
        this.#complain(notRestored, error);
      }
    }
    // At once and not a turn later: who asks in between must not find what has ended.
    this.#running = undefined;
  }

  #report(lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.#unreported += 1;
    if (performance.now() - this.#reportedMs < reportMs) return;
    this.#reportedMs = performance.now();
    const times = this.#unreported === 1 ? {} : { times: this.#unreported };
    for (const line of lines) this.#context.log.warn('restored', { change: `~ ${line}`, ...times });
    this.#unreported = 0;
  }

  /** Says the same only once. */
  #complain(message: string, thrown: unknown): void {
    const { kind, message: text } = toTsnetError(thrown);
    if (this.#complaints.get(message) === text) return;
    this.#complaints.set(message, text);
    this.#context.log.warn(message, { kind, error: text });
  }
}
