import { TsnetError, type NamedSandbox, type SandboxNetns } from '../model/index.ts';
import type { Context } from '../network/index.ts';
import { thisProcess, type StateView } from '../state/index.ts';
import { bringUp, type BringUpOptions, type RunningSandbox } from './bring-up.ts';
import { endLocked } from './end-sandbox.ts';
import { findSandbox } from './find-sandbox.ts';
import { refuseForeignNetns, requireRunning } from './record-sandbox.ts';
import { withSandboxLock } from './sandbox-lock.ts';
import { stateOf } from './sandbox-state.ts';

/** A sandbox that runs; its command where it was started just now. */
export type StartedSandbox = Pick<RunningSandbox, 'sandbox'> & Partial<RunningSandbox>;

/**
 * Starts the command of a sandbox that has ended once more, in the same networks, with the same addresses and ports unless
 * somebody else has them by now. One that runs is left as it is. When it fails, the sandbox is as before.
 *
 * @throws not-found for the sandbox, one of its networks, or the command (`CommandError`); conflict when it is being made,
 *   was to be removed at its end, shares the network of one that does not run, a namespace of its name exists, or a fixed
 *   address or port is taken; what `attach` throws
 */
export async function startSandbox(
  context: Context,
  wanted: string,
  options: BringUpOptions,
): Promise<StartedSandbox> {
  const { id, name } = context.state.read((view) => findSandbox(view, wanted));
  return withSandboxLock(context, name, async () => {
    const sandbox = context.state.read((view) => findSandbox(view, id));
    const state = stateOf(sandbox);
    if (state === 'running') return { sandbox };
    if (state === 'created') throw refusal(sandbox, 'it is being made', 'try again');
    if (sandbox.isRemovedAtEnd) throw refusal(sandbox, 'it has ended, and was to be removed then (--rm)');
    if (sandbox.end === undefined) {
      // Nobody saw its end.
      await endLocked(context, sandbox);
    }
    return bringUp(context, await recordStart(context, sandbox), options, (failed, hasNetns) => {
      const { process: _, ...unstarted } = failed;
      return endLocked(context, unstarted, hasNetns);
    });
  });
}

async function recordStart({ state }: Context, { id }: NamedSandbox): Promise<NamedSandbox> {
  return state.transact((tx) => {
    const { end, process: _, ...rest } = findSandbox(tx, id);
    const netns = netnsAgain(tx, rest.netns);
    refuseForeignNetns(rest.name, netns);
    const starting: NamedSandbox = {
      ...rest,
      netns,
      creator: thisProcess(),
      ...(end === undefined ? {} : { formerEnd: end }),
    };
    tx.putSandbox(starting);
    return starting;
  });
}

function netnsAgain(view: StateView, netns: SandboxNetns): SandboxNetns {
  if (netns.kind === 'shared') requireRunning(view, netns.owner, 'share the network of');
  return netns.kind === 'own' ? { kind: 'own', path: netns.path } : netns;
}

function refusal({ name }: NamedSandbox, reason: string, hint?: string): TsnetError {
  return new TsnetError('conflict', `start sandbox ${name}: ${reason}`, hint === undefined ? {} : { hint });
}
