import type { Group } from './figures.ts';
import type { Scope } from './scope.ts';

/** What every part of the benchmark gets. */
export interface Bench {
  /** Ends with the run, after all parts: the kernel cleans up in the background, which would disturb the next one. */
  readonly scope: Scope;
  /** Says on standard error what is going on. */
  readonly progress: (text: string) => void;
}

/** One part of the benchmark. */
export type Part = (bench: Bench) => Promise<Group[]>;
