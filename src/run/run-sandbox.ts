import { randomBytes } from 'node:crypto';
import { shortId, TsnetError, type PortRequest, type SandboxId, type SandboxName } from '../model/index.ts';
import type { Context } from '../network/index.ts';
import { bringUp, type BringUpOptions, type RunningSandbox } from './bring-up.ts';
import { chooseNetworks, type NetworkChoice } from './choose-networks.ts';
import { removeLocked } from './end-sandbox.ts';
import { recordSandbox } from './record-sandbox.ts';
import { resolveUser } from './resolve-user.ts';
import type { RunRequest } from './run-request.ts';
import { withSandboxLock } from './sandbox-lock.ts';

/**
 * Makes a sandbox and starts its command in it. When it fails, nothing of it is left.
 *
 * @throws conflict when the name, a namespace of the name, an address or a port is taken; not-found for a network, a
 *   sandbox, a user or the command (`CommandError`); what `attach` throws
 */
export async function runSandbox(
  context: Context,
  request: RunRequest,
  options: Omit<BringUpOptions, 'isDetached'>,
): Promise<RunningSandbox> {
  const id = randomBytes(32).toString('hex') as SandboxId;
  const name = request.name ?? (shortId(id) as SandboxName);
  if (request.user !== undefined) resolveUser(request.user);
  const choices = request.mode.kind === 'networks' ? await chooseNetworks(context, request.mode.wishes) : [];
  refuseUnreachable(choices, request.ports);
  return withSandboxLock(context, name, async () => {
    const sandbox = await recordSandbox(context, request, choices, id, name);
    return bringUp(context, sandbox, { ...options, isDetached: request.isDetached }, (failed, hasNetns) =>
      removeLocked(context, failed, hasNetns),
    );
  });
}

/** @throws invalid-input for ports where nothing comes in */
function refuseUnreachable(choices: readonly NetworkChoice[], ports: readonly PortRequest[]): void {
  if (choices.length === 0 || ports.length === 0 || choices.some(({ found }) => !found.isInternal)) return;
  throw new TsnetError(
    'invalid-input',
    '-p: nothing comes into an internal network, so no port can be published',
    { subject: '-p', hint: 'add a network that is not internal' },
  );
}
