import { TsnetError } from '../../model/index.ts';
import type { Gap } from './snapshot.ts';

/** Collects what could not be read while the rest is. */
export class Gaps {
  readonly #found: Gap[] = [];

  /** In the order in which they were met. */
  get found(): readonly Gap[] {
    return this.#found;
  }

  /** Says it once, however often it is met. */
  add(what: string, why: string): void {
    if (!this.#found.some((gap) => gap.what === what && gap.why === why)) this.#found.push({ what, why });
  }

  /** What `action` gives; a refusal of the kernel becomes a gap, and then this gives `otherwise`. */
  async around<Result, Otherwise>(
    what: string,
    action: () => Result | Promise<Result>,
    otherwise: Otherwise,
  ): Promise<Result | Otherwise> {
    try {
      return await action();
    } catch (error) {
      this.add(what, reasonOf(error));
      return otherwise;
    }
  }
}

/** Why something can't be read, for people. @throws what is a defect and no refusal */
export function reasonOf(error: unknown): string {
  // How it was opened says nothing to people: which one it is stands beside.
  if (error instanceof TsnetError) return error.message.replaceAll(/ in \/proc\/\d+\/fd\/\d+/g, '');
  if (error instanceof Error && 'syscall' in error) return error.message;
  throw error;
}
