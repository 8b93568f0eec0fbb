import type { NamedSandbox } from '../model/index.ts';
import { isRunning } from '../state/index.ts';

/** `created`: somebody is making it. `exited`: its command, or who was making it, is gone. */
export type SandboxState = 'created' | 'running' | 'exited';

/** What a sandbox does right now. */
export function stateOf({
  end,
  process,
  creator,
}: Pick<NamedSandbox, 'end' | 'process' | 'creator'>): SandboxState {
  if (end !== undefined) return 'exited';
  if (process !== undefined) return isRunning(process) ? 'running' : 'exited';
  return creator !== undefined && isRunning(creator) ? 'created' : 'exited';
}
