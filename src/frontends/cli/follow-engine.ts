import { setTimeout as sleep } from 'node:timers/promises';
import { followEngine, socketPath, type EngineEvent } from '../../inspect/engines/docker-api.ts';
import { readEngineUse } from '../../inspect/engines/read-use.ts';
import type { NetworkId } from '../../model/index.ts';
import {
  collectGarbage,
  formatGarbage,
  inBoth,
  lookForGarbage,
  noteEngine,
  type Context,
} from '../../network/index.ts';

const answerMs = 5_000;
const firstRetryMs = 1_000;
const longestRetryMs = 60_000;
/** Between looks, whatever happens in the engine; and when nothing happens. */
const shortestRestMs = 10_000;
const longestRestMs = 5 * 60_000;
/** What is younger may be in creation. */
const leastAgeSeconds = 30;
/** Between the two looks that must agree. */
const secondLookMs = 5_000;

/** What may end something that we keep records of. */
const endings = ['destroy', 'remove', 'disconnect', 'die', 'prune'];

/**
 * Keeps the records in line with the engine, in the background, until it is disposed of: an engine that could not reach
 * us goes on without us and never repeats what it had to say. An engine that is absent is asked for again and again, at
 * longer and longer intervals.
 */
export function keepInLineWithEngine(context: Context): AsyncDisposable {
  const stopped = new AbortController();
  const running = run(context, stopped.signal);
  return {
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await running;
    },
  };
}

async function run(context: Context, signal: AbortSignal): Promise<void> {
  try {
    socketPath();
  } catch (error) {
    return context.log.warn('no engine is followed', { why: (error as Error).message });
  }
  let retryMs = firstRetryMs;
  while (!signal.aborted) {
    const engine = new EngineFollower(context, signal);
    await followEngine({ type: ['network', 'container'], event: ['create', ...endings] }, answerMs, signal, {
      onOpen: () => {
        retryMs = firstRetryMs;
        engine.start();
      },
      onEvent: (event) => engine.onEvent(event),
    }).catch((error: unknown) => context.log.debug('no engine', { error: String(error) }));
    await engine.end();
    await rest(retryMs, signal);
    retryMs = Math.min(longestRetryMs, 2 * retryMs);
  }
}

/** Looks after one connection to an engine. */
class EngineFollower {
  readonly #context: Context;
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal;
  readonly #ask = (ours: ReadonlySet<NetworkId>) => readEngineUse(ours, this.#signal);
  #looking: Promise<void> = Promise.resolve();
  #engine: string | undefined;
  #wake = (): void => {};
  #hasNews = false;

  constructor(context: Context, signal: AbortSignal) {
    this.#context = context;
    this.#signal = AbortSignal.any([signal, this.#ended.signal]);
  }

  start(): void {
    this.#looking = this.#look();
  }

  async end(): Promise<void> {
    this.#ended.abort();
    this.#wake();
    await this.#looking;
  }

  onEvent({ Type, Action, Actor }: EngineEvent): void {
    if (endings.includes(Action)) {
      this.#hasNews = true;
      this.#wake();
    }
    // Noted at once: if it is removed while we are down, only this makes the engine's word count.
    if (Type === 'network' && Action === 'create' && this.#engine !== undefined && Actor?.ID !== undefined) {
      const networks = new Set([Actor.ID as NetworkId]);
      noteEngine(this.#context, { engine: this.#engine, networks, subnets: new Set() }).catch(
        (error: unknown) => this.#complain(error),
      );
    }
  }

  async #look(): Promise<void> {
    while (!this.#signal.aborted) {
      this.#hasNews = false;
      const isYoung = await this.#lookOnce().catch((error: unknown) => this.#complain(error));
      await rest(shortestRestMs, this.#signal);
      // What was too young to be judged is looked at again when it is not.
      await this.#restUntilNews(isYoung === true ? leastAgeSeconds * 1_000 : longestRestMs);
    }
  }

  /** @returns whether something was too young to be judged */
  async #lookOnce(): Promise<boolean> {
    const first = await lookForGarbage(this.#context, this.#ask, leastAgeSeconds);
    this.#engine = first.use.engine;
    if (first.garbage.length > 0) {
      await rest(secondLookMs, this.#signal);
      if (this.#signal.aborted) return true;
      const second = await lookForGarbage(this.#context, this.#ask, leastAgeSeconds);
      const lasting = inBoth(first.garbage, second.garbage);
      for (const one of await collectGarbage(this.#context, lasting, second.use))
        this.#context.log.warn('removed', { what: formatGarbage(one) });
    }
    return first.hasYoung;
  }

  #complain(error: unknown): void {
    if (!this.#signal.aborted)
      this.#context.log.warn('the engine could not be compared with the records', { error: String(error) });
  }

  async #restUntilNews(ms: number): Promise<void> {
    if (this.#hasNews || this.#signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
