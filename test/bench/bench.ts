import type { Group } from './figures.ts';
import type { Scope } from './scope.ts';

/** What every part of the benchmark gets. */
export interface Bench {
  /** Ends with the part. */
  readonly scope: Scope;
  /** Ends with the run, for what several parts use. */
  readonly run: Scope;
  /** Says on standard error what is going on. */
  readonly progress: (text: string) => void;
}

/** One part of the benchmark. */
export type Part = (bench: Bench) => Promise<Group[]>;
