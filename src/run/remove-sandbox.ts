import { TsnetError, type NamedSandbox } from '../model/index.ts';
import type { Context } from '../network/index.ts';
import { removeLocked } from './end-sandbox.ts';
import { findSandbox } from './find-sandbox.ts';
import { withSandboxLock } from './sandbox-lock.ts';
import { stateOf } from './sandbox-state.ts';
import { stopSandbox } from './stop-sandbox.ts';

/**
 * Forgets a sandbox that has ended, and whatever it still has.
 *
 * @param isForced kills it if it runs
 * @throws not-found; conflict when it runs and is not forced; kernel
 */
export async function removeSandbox(
  context: Context,
  name: string,
  isForced: boolean,
): Promise<NamedSandbox> {
  const found = context.state.read((view) => findSandbox(view, name));
  if (isForced && stateOf(found) === 'running') {
    await stopSandbox(context, found.id, { signal: 'SIGKILL', graceSeconds: 0 });
  }
  await withSandboxLock(context, found.name, async () => {
    const sandbox = context.state.read((view) => view.sandbox(found.name));
    if (sandbox?.id !== found.id) return;
    const state = stateOf(sandbox);
    if (state === 'created') {
      throw new TsnetError('conflict', `remove sandbox ${sandbox.name}: it is being made`, {
        hint: 'try again',
      });
    }
    if (state === 'running') {
      throw new TsnetError('conflict', `remove sandbox ${sandbox.name}: it runs`, {
        hint: `tsnet stop ${sandbox.name}, or tsnet rm -f ${sandbox.name}`,
      });
    }
    await removeLocked(context, sandbox);
  });
  return found;
}
