/** Ends something that was begun; what it throws is reported and does not keep others from ending. */
export type End = () => PromiseLike<void> | void;

/** Ends what was begun in it, the last first, on leaving the scope. */
export class Scope implements AsyncDisposable {
  readonly #ends: End[] = [];
  #ending: Promise<void> | undefined;

  /** Ends also when the process is told to end. A second signal does not interrupt that. */
  endOnSignals(): void {
    for (const [signal, status] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const) {
      process.on(signal, () => void this[Symbol.asyncDispose]().finally(() => process.exit(status)));
    }
  }

  /** Whether it ends, mostly because the process was told to: what fails now fails for that. */
  get isEnding(): boolean {
    return this.#ending !== undefined;
  }

  /** Has something ended with the scope. */
  onEnd(end: End): void {
    this.#ends.push(end);
  }

  /** Has something disposed of with the scope. */
  use<T extends AsyncDisposable>(value: T): T {
    this.onEnd(() => value[Symbol.asyncDispose]());
    return value;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#ending ??= this.#endAll();
    return this.#ending;
  }

  async #endAll(): Promise<void> {
    for (let end = this.#ends.pop(); end !== undefined; end = this.#ends.pop()) {
      try {
        await end();
      } catch (error) {
        console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
}
