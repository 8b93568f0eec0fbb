/**
 * Runs actions of one subject one after another, in the order in which they were asked for; those of different subjects
 * run side by side.
 *
 * A runtime that gave up waiting for an ADD asks for the DEL while the ADD is still at work. Both would wait for the same
 * lock, which knows no order, and an ADD that comes last leaves a container's network behind for good.
 */
export class InOrder {
  readonly #last = new Map<string, Promise<unknown>>();

  /** The action's own result. */
  async run<T>(subject: string, action: () => Promise<T>): Promise<T> {
    const before = this.#last.get(subject);
    const own = before === undefined ? action() : before.then(action, action);
    this.#last.set(subject, own);
    try {
      return await own;
    } finally {
      if (this.#last.get(subject) === own) this.#last.delete(subject);
    }
  }
}
