import type { Finding } from '../finding.ts';
import type { Scene } from '../port/scene.ts';

/** One thing that the doctor looks for. */
export interface Check {
  /** Two or three words, as `tsnet doctor` lists it. */
  readonly name: string;
  readonly find: (scene: Scene) => readonly Finding[];
}
