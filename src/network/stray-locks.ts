import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { NetworkId, SandboxName } from '../model/index.ts';
import type { StateView } from '../state/index.ts';
import type { Context } from './context.ts';
import { forgetLockUnless } from './lock.ts';

/** Not a name of a network or sandbox: these are taken again and again, whatever there is. */
const lasting: readonly string[] = ['recovery', 'firewall', 'hosts', 'default-network'];

const sandboxPrefix = 'sandbox-';

/** The name of the lock of a sandbox; that of a network is its id. */
export function sandboxLockName(name: SandboxName): string {
  return `${sandboxPrefix}${name}`;
}

/** Removes the files of locks of networks and sandboxes that do not exist: a process that was killed left them. */
export async function forgetStrayLocks({ state, runDirectory }: Context): Promise<void> {
  const names = state.read((view) =>
    readdirSync(join(runDirectory, 'locks')).filter(
      (name) => !lasting.includes(name) && !isOfRecord(view, name),
    ),
  );
  for (const name of names) {
    await forgetLockUnless(runDirectory, name, () => state.read((view) => isOfRecord(view, name)));
  }
}

function isOfRecord(view: Pick<StateView, 'network' | 'sandbox'>, lock: string): boolean {
  if (view.network(lock as NetworkId) !== undefined) return true;
  return (
    lock.startsWith(sandboxPrefix) &&
    view.sandbox(lock.slice(sandboxPrefix.length) as SandboxName) !== undefined
  );
}
