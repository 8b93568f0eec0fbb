import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** The lines that come, one after the other. */
export class Lines {
  readonly #come: string[] = [];
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(input: Readable) {
    const lines = createInterface({ input, crlfDelay: 0 });
    lines.on('line', (line) => {
      this.#come.push(line);
      this.#wake?.();
    });
    lines.on('close', () => {
      this.#isOver = true;
      this.#wake?.();
    });
  }

  /** The next line; undefined when no more will come. */
  async next(): Promise<string | undefined> {
    while (this.#come.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#come.shift();
  }
}
