import { deleteNamedNetns, isUnpinned, netnsIdOf } from '../kernel/netns/index.ts';
import {
  toTsnetError,
  withSuppressed,
  type NamedSandbox,
  type SandboxEnd,
  type SandboxId,
  type SandboxName,
} from '../model/index.ts';
import { detach, type Context } from '../network/index.ts';
import { endpointIdOf } from './endpoint-id.ts';
import { withFormer } from './former-attachment.ts';
import { refreshHosts } from './refresh-hosts.ts';
import { filesOf, readExit, removeFolder } from './sandbox-folder.ts';
import { withSandboxLock } from './sandbox-lock.ts';
import { stateOf } from './sandbox-state.ts';

/**
 * Takes its network from a sandbox whose command has ended, and forgets it if it was to be removed. One that runs, one
 * that has ended already, and one that is not known any more are left as they are.
 *
 * @param id tells it from a later one of the same name
 * @throws kernel when something is left behind; the record then stays, so that it can be tried again
 */
export async function endSandbox(context: Context, name: SandboxName, id: SandboxId): Promise<void> {
  await withSandboxLock(context, name, async () => {
    const sandbox = context.state.read((view) => view.sandbox(name));
    if (sandbox === undefined || sandbox.id !== id || stateOf(sandbox) !== 'exited') return;
    if (sandbox.isRemovedAtEnd) await removeLocked(context, sandbox);
    else if (sandbox.end === undefined) await endLocked(context, sandbox);
  });
}

/**
 * Takes its network from a sandbox, and notes its end and what it had. The caller holds its lock and knows that nothing runs.
 *
 * @param hasNetns whether a namespace of its name is its own
 */
export async function endLocked(context: Context, sandbox: NamedSandbox, hasNetns = true): Promise<void> {
  const { networks } = withFormer(context, sandbox);
  await dismantle(context, sandbox, hasNetns);
  const { formerEnd, ...rest } = sandbox;
  // It may have been started again, and its command has not begun.
  const end = sandbox.process === undefined ? formerEnd : undefined;
  await context.state.transact((tx) =>
    tx.putSandbox({ ...rest, networks, end: end ?? readEnd(context, sandbox) }),
  );
  await refreshHosts(context);
}

function readEnd({ runDirectory }: Context, { id }: NamedSandbox): SandboxEnd {
  const code = readExit(filesOf(runDirectory, id));
  return { ...(code === undefined ? {} : { code }), at: Math.floor(Date.now() / 1000) };
}

/** Forgets a sandbox and whatever it still has. The caller holds its lock and knows that nothing runs. */
export async function removeLocked(context: Context, sandbox: NamedSandbox, hasNetns = true): Promise<void> {
  if (sandbox.end === undefined) await dismantle(context, sandbox, hasNetns);
  removeFolder(filesOf(context.runDirectory, sandbox.id));
  await context.state.transact((tx) => tx.deleteSandbox(sandbox.name));
  await refreshHosts(context);
}

/** Every part is tried, whatever becomes of the others. */
async function dismantle(context: Context, sandbox: NamedSandbox, hasNetns: boolean): Promise<void> {
  const failures: unknown[] = [];
  const attempt = async (step: () => Promise<unknown>) => {
    await step().catch((error: unknown) => failures.push(error));
  };
  for (const { id } of sandbox.networks) {
    await attempt(() => detach(context, id, endpointIdOf(sandbox.id, id)));
  }
  if (hasNetns) await attempt(async () => removeNetns(sandbox));
  const [first, ...others] = failures;
  if (first !== undefined) throw withSuppressed(toTsnetError(first), others);
}

/** Somebody may have removed the namespace and made another of its name. */
function removeNetns({ name, netns }: NamedSandbox): void {
  if (netns.kind !== 'own') return;
  const isAnother = netns.id !== undefined && identityAt(netns.path) !== netns.id;
  if (isAnother && !isUnpinned(name)) return;
  deleteNamedNetns(name);
}

function identityAt(path: string): string | undefined {
  try {
    return netnsIdOf(path);
  } catch {
    return undefined;
  }
}
