import type { NamedSandbox } from '../model/index.ts';
import { refreshHosts } from './refresh-hosts.ts';
import { recover, type Context } from '../network/index.ts';
import { endLocked, removeLocked } from './end-sandbox.ts';
import { filesOf, listFolders, removeFolder } from './sandbox-folder.ts';
import { mendSandboxes } from './settle-sandboxes.ts';
import { withSandboxLock } from './sandbox-lock.ts';
import { stateOf } from './sandbox-state.ts';

/** A sandbox whose end nobody saw, and what becomes of it. */
export interface LostSandbox {
  readonly sandbox: NamedSandbox;
  /** `end`: its network goes and its record tells that it exited; `remove`: the record goes as well. */
  readonly action: 'end' | 'remove';
  readonly why: string;
}

/** The sandboxes that still have a network although nothing runs in them. Nothing is changed. */
export function findLostSandboxes({ state }: Context): LostSandbox[] {
  return state.read((view) =>
    view
      .sandboxes()
      .filter((sandbox) => sandbox.end === undefined && stateOf(sandbox) === 'exited')
      .map((sandbox) => ({
        sandbox,
        action: sandbox.isRemovedAtEnd || hasNeverRun(sandbox) ? 'remove' : 'end',
        why:
          sandbox.process === undefined
            ? 'who was making it is gone'
            : 'its command has ended, and nobody was there to see it',
      })),
  );
}

function hasNeverRun({ process, formerEnd }: NamedSandbox): boolean {
  return process === undefined && formerEnd === undefined;
}

/** Takes their networks from sandboxes in which nothing runs; forgets those that were to be; and brings the others in order. */
export async function collectSandboxes(context: Context): Promise<LostSandbox[]> {
  const removed: LostSandbox[] = [];
  const found = findLostSandboxes(context);
  // Who was killed may have been in the middle of an operation.
  if (found.length > 0 || context.state.unfinished().length > 0) await recover(context);
  for (const lost of found) {
    const { name, id } = lost.sandbox;
    await withSandboxLock(context, name, async () => {
      const sandbox = context.state.read((view) => view.sandbox(name));
      // Its own parent may have been faster.
      if (sandbox?.id !== id || sandbox.end !== undefined || stateOf(sandbox) !== 'exited') return;
      await (lost.action === 'remove' ? removeLocked(context, sandbox) : endLocked(context, sandbox));
      removed.push(lost);
    });
  }
  await mendSandboxes(context);
  removeStrayFolders(context);
  await refreshHosts(context);
  return removed;
}

/** A sandbox is recorded before it has files, so files without a record belong to nobody. */
function removeStrayFolders({ state, runDirectory }: Context): void {
  const present = listFolders(runDirectory);
  const known = new Set(state.read((view) => view.sandboxes().map(({ id }) => id)));
  for (const id of present) if (!known.has(id)) removeFolder(filesOf(runDirectory, id));
}
