import type { Kernel } from '../observe/index.ts';
import type { State } from '../state/index.ts';
import type { LinkRemoval } from './link-removal.ts';

/** One line of a structured log. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** What every use case needs: the decisions, the kernel, and where locks lie. */
export interface Context {
  readonly state: State;
  readonly kernel: Kernel;
  /** Holds lock files; lost at reboot, such as `/run/tsnet`. */
  readonly runDirectory: string;
  readonly log: Logger;
  /** Where the links of ended endpoints go. */
  readonly linkRemoval: LinkRemoval;
}
