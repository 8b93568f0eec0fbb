import { recover, type Context } from '../network/index.ts';
import { mendLocked } from './mend-sandbox.ts';
import { refreshHosts } from './refresh-hosts.ts';
import { withSandboxLock } from './sandbox-lock.ts';
import { stateOf } from './sandbox-state.ts';

/** Completes or takes back what others were killed in the middle of. Where there is no such thing it costs one read. */
export async function settleSandboxes(context: Context): Promise<void> {
  if (context.state.unfinished().length === 0) return;
  await recover(context);
  await mendSandboxes(context);
  await refreshHosts(context);
}

/** Brings every sandbox that runs in order. */
export async function mendSandboxes(context: Context): Promise<void> {
  const names = context.state.read((view) =>
    view
      .sandboxes()
      .filter((sandbox) => stateOf(sandbox) === 'running')
      .map(({ name }) => name),
  );
  for (const name of names) {
    await withSandboxLock(context, name, async () => {
      const sandbox = context.state.read((view) => view.sandbox(name));
      if (sandbox !== undefined && stateOf(sandbox) === 'running') await mendLocked(context, sandbox);
    });
  }
}
