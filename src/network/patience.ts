/** So many repairs shortly after each other are nothing strange: an upgrade of other software does that. */
const freeRepairs = 5;
const shortlyMs = 10_000;
const firstPauseMs = 2_000;
const longestPauseMs = 60_000;

/** Slows down when what was repaired does not stay: somebody else undoes it, and both would go on for ever. */
export class Patience {
  #repairs = 0;
  #pauseMs = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  /**
   * Notes a repair.
   *
   * @param nowMs of a clock that never goes back
   * @returns how long not to repair again, in milliseconds; 0 as long as nothing is strange
   */
  afterRepair(nowMs: number): number {
    const isFollowUp = nowMs - this.#lastMs < shortlyMs + 2 * this.#pauseMs;
    this.#lastMs = nowMs;
    this.#repairs = isFollowUp ? this.#repairs + 1 : 1;
    if (this.#repairs <= freeRepairs) this.#pauseMs = 0;
    else this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs === 0 ? firstPauseMs : 2 * this.#pauseMs);
    return this.#pauseMs;
  }
}
