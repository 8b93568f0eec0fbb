/** One thing that installing or removing did, or would do. */
export interface Step {
  readonly action: 'write' | 'replace' | 'keep' | 'remove' | 'leave' | 'run' | 'note';
  /** A path, a command, or for a note the sentence. */
  readonly subject: string;
  /** Why, where it is not plain. */
  readonly reason?: string;
}
