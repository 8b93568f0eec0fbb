/** Whether something holds; `undefined` where that can't be told. */
export type Truth = boolean | undefined;

/** False when one is false, else unknown when one is unknown. */
export function and(truths: Iterable<Truth>): Truth {
  let result: Truth = true;
  for (const truth of truths) {
    if (truth === false) return false;
    if (truth === undefined) result = undefined;
  }
  return result;
}

/** True when one is true, else unknown when one is unknown. */
export function or(truths: Iterable<Truth>): Truth {
  let result: Truth = false;
  for (const truth of truths) {
    if (truth === true) return true;
    if (truth === undefined) result = undefined;
  }
  return result;
}

/** The opposite; of the unknown, the unknown. */
export function not(truth: Truth): Truth {
  return truth === undefined ? undefined : !truth;
}
