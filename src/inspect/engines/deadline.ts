/** How often it is looked at; the time is right to that. */
const stepMs = 50;

/**
 * A signal that is given after so much time in which this process could have heard an answer. While it is busy with
 * something else, answers wait for it and not the other way round: a clock alone would blame whom it asked.
 */
export function startDeadline(milliseconds: number): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  let left = Math.ceil(milliseconds / stepMs);
  // Steps that could not be taken in time are one step.
  const timer = setInterval(() => {
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    controller.abort(new DOMException('no answer in time', 'TimeoutError'));
  }, stepMs);
  return { signal: controller.signal, [Symbol.dispose]: () => clearInterval(timer) };
}
