/** The middle of a sample and its slow end: one of ten was slower than `p90`. */
export interface Distribution {
  readonly p50: number;
  readonly p90: number;
  /** How often it was measured. */
  readonly count: number;
}

/** What a figure counts; `×` is a quotient of two costs. */
export type Unit = 'ms' | 'µs' | 'MB' | 'bytes' | '×';

/** One line of the report. */
export interface Figure {
  readonly what: string;
  readonly unit: Unit;
  readonly ours: Distribution;
  /** The same by the usual means, measured in the same run. */
  readonly peer?: Distribution;
  /** What `ours.p50` should not exceed. */
  readonly aim?: number;
}

/** Figures that share a peer. */
export interface Group {
  readonly title: string;
  /** What the peer is, and what else a reader must know to judge the figures. */
  readonly notes: readonly string[];
  readonly figures: readonly Figure[];
}

/** @throws RangeError for an empty sample */
export function distributionOf(values: readonly number[]): Distribution {
  if (values.length === 0) throw new RangeError('nothing was measured');
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  return { p50: at(0.5), p90: at(0.9), count: sorted.length };
}

/** A figure that was read once. */
export function single(value: number): Distribution {
  return { p50: value, p90: value, count: 1 };
}

/** How our cost compares with the peer's: below 1 is cheaper. */
export function ratioOf({ ours, peer }: Figure): number | undefined {
  return peer === undefined ? undefined : ours.p50 / peer.p50;
}

/** Whether a figure with an aim reaches it. */
export function isMet({ ours, aim }: Figure): boolean | undefined {
  return aim === undefined ? undefined : ours.p50 <= aim;
}

/**
 * Milliseconds in which nobody does anything before what is measured after a rest. Also long enough for the kernel to delete
 * the links of what was detached last, for which who comes next would wait.
 */
export const restMs = 60;

/** Milliseconds that an action takes. */
export async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}
