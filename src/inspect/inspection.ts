import type { Snapshot } from '../observe/host/snapshot.ts';
import type { EngineView } from './engines/container-view.ts';

/**
 * All that the inspector answers from: what the kernel holds, and what engines meant. Plain data in a file made by
 * `tsnet snapshot`, so that a question can be asked again elsewhere.
 */
export interface Inspection {
  /** Changes when a reader of the former form would misunderstand it. */
  readonly schema: 'tsnet.snapshot/1';
  readonly snapshot: Snapshot;
  readonly engines: readonly EngineView[];
}
