import { setTimeout as sleep } from 'node:timers/promises';
import { toTsnetError } from '../model/index.ts';
import { formatChange } from '../plan/index.ts';
import type { Context } from './context.ts';
import { DropsKeeper } from './drops-keeper.ts';
import { listenForAlarms } from './kernel-alarms.ts';
import { readNetworkResources } from './network-resources.ts';
import { Patience } from './patience.ts';
import { findDrift, formatDrift, recover, type Drift } from './recover.ts';
import { SettingsRound } from './settings-round.ts';

/** How often settings are read, some of them where there are many: no event tells of all of them. */
const settingsMs = 500;
/** How often the revision of the rules is read without an event: iptables of the legacy flavour sends none. */
const rulesMs = 1_000;
/** An operation under way needs so long at most between its record and the kernel, mostly. */
const operationMs = 150;
/** Something of ours changed in a way that is no alarm: a thorough look follows within this time. */
const thoroughMs = 30_000;
/** After a look follows so many times as long a pause, within these bounds, whatever others do to the kernel. */
const restShare = 5;
const shortestPauseMs = 50;
const longestPauseMs = 500;
/** Operations ring several times, a few milliseconds apart. */
const quietMs = 25;
const mostLines = 100;

/**
 * Notices what others do to the kernel and puts back what is recorded, within two seconds, until it is disposed of.
 * Logs each change at level warn.
 *
 * At rest it reads one number and the settings every now and then. Own operations are told apart by the number and cost no
 * look. Nothing is locked before a difference was seen twice.
 */
export function watchKernel(context: Context): AsyncDisposable {
  const watch = new KernelWatch(context);
  return { [Symbol.asyncDispose]: () => watch.stop() };
}

class KernelWatch {
  readonly #context: Context;
  readonly #stopped = new AbortController();
  readonly #patience = new Patience();
  readonly #settings = new SettingsRound();
  readonly #drops: DropsKeeper;
  readonly #alarms: Disposable;
  readonly #running: Promise<void>;
  #wake = (): void => {};
  #hasRung = false;
  #rings = 0;
  #hasLoss = true;
  #hasChange = false;
  #lookedAtMs = performance.now();
  /** Of the rules when everything was last found as recorded, and as it was last read. */
  #goodRevision: string | undefined;
  #revision: string | undefined;
  #revisionReadMs = Number.NEGATIVE_INFINITY;

  constructor(context: Context) {
    this.#context = context;
    this.#drops = new DropsKeeper(context);
    this.#drops.guard();
    this.#alarms = listenForAlarms(context, {
      onLoss: () => {
        this.#hasLoss = true;
        this.#ring();
      },
      onLinkChange: () => {
        this.#hasChange = true;
      },
      onRuleChange: () => {
        this.#hasChange = true;
        this.#ring();
        void this.#drops.onRuleChange();
      },
    });
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#alarms[Symbol.dispose]();
    this.#stopped.abort();
    this.#ring();
    await this.#running;
    await this.#drops.stop();
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const started = performance.now();
      const pause = await this.#check().catch((error: unknown) => this.#reportFailure(error));
      const spent = performance.now() - started;
      // Events that come in crowds are answered together.
      await this.#rest(Math.max(shortestPauseMs, pause, Math.min(longestPauseMs, restShare * spent)));
      await this.#wait(settingsMs);
      if (this.#hasRung) await this.#untilQuiet();
    }
  }

  /** Looks if there is a reason to, and repairs. @returns how long to leave the kernel alone, in milliseconds */
  async #check(): Promise<number> {
    const resources = readNetworkResources(this.#context);
    this.#drops.guard(resources);
    if (this.#hasRung || performance.now() - this.#revisionReadMs >= rulesMs) {
      this.#hasRung = false;
      this.#revisionReadMs = performance.now();
      this.#revision = await this.#context.kernel.firewall.readRevision();
    }
    const revision = this.#revision;
    const isThorough = this.#hasChange && performance.now() - this.#lookedAtMs > thoroughMs;
    const isDue =
      this.#hasLoss ||
      isThorough ||
      revision !== this.#goodRevision ||
      !this.#settings.holds(resources, this.#context);
    if (!isDue) return 0;
    this.#hasLoss = false;
    this.#hasChange = false;
    this.#lookedAtMs = performance.now();
    await this.#drops.restore();
    const drift = await findLastingDrift(this.#context);
    if (isEmpty(drift)) {
      this.#goodRevision = revision;
      return 0;
    }
    return await this.#repair(drift);
  }

  async #repair(drift: Drift): Promise<number> {
    const changes = await recover(this.#context);
    // An operation that was under way may have finished by itself.
    if (changes.length + drift.structure.length === 0) return 0;
    return this.#report(formatDrift({ structure: drift.structure, changes }));
  }

  #report(lines: readonly string[]): number {
    const { log } = this.#context;
    const pause = this.#patience.afterRepair(performance.now());
    for (const change of lines.slice(0, mostLines)) log.warn('restored', { change });
    if (lines.length > mostLines) log.warn('restored', { more: lines.length - mostLines });
    if (pause > 0)
      log.error('what is restored does not stay: something else changes it', {
        waitMs: pause,
        change: lines[0],
      });
    return pause;
  }

  #reportFailure(thrown: unknown): number {
    const error = toTsnetError(thrown);
    this.#hasLoss = true;
    const pause = Math.max(rulesMs, this.#patience.afterRepair(performance.now()));
    this.#context.log.warn('the kernel could not be checked', {
      kind: error.kind,
      error: error.message,
      waitMs: pause,
    });
    return pause;
  }

  /** Leaves the kernel alone, but for what must not wait. */
  async #rest(ms: number): Promise<void> {
    let left = ms;
    for (; left > rulesMs && !this.#stopped.signal.aborted; left -= rulesMs) {
      await this.#pause(rulesMs);
      // Not every kernel interface tells of its changes.
      await this.#drops.restore();
    }
    await this.#pause(left);
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
  }

  /** Until nothing has rung for a moment: operations of ours ring as well, and are not held up by a look. */
  async #untilQuiet(): Promise<void> {
    for (let waited = 0; waited < longestPauseMs; waited += quietMs) {
      const rings = this.#rings;
      await this.#pause(quietMs);
      if (this.#rings === rings) return;
    }
  }

  #ring(): void {
    this.#hasRung = true;
    this.#rings += 1;
    this.#wake();
  }

  /** Until something rings, or has rung meanwhile; that long at most. */
  async #wait(ms: number): Promise<void> {
    if (this.#hasRung) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** What differs in two looks shortly after each other. */
async function findLastingDrift(context: Context): Promise<Drift> {
  const first = await findDrift(context);
  if (isEmpty(first)) return first;
  await sleep(operationMs);
  const second = await findDrift(context);
  const known = new Set(formatDrift(first));
  return {
    structure: second.structure.filter((line) => first.structure.includes(line)),
    changes: second.changes.filter((change) => known.has(formatChange(change))),
  };
}

function isEmpty({ structure, changes }: Drift): boolean {
  return structure.length + changes.length === 0;
}
