import { printable, TsnetError, type NamedSandbox, type Network } from '../model/index.ts';
import { detach, type Context } from '../network/index.ts';
import { attachSandbox } from './attach-sandbox.ts';
import { findNetwork, lookUpNetwork, recordOf } from './choose-networks.ts';
import { endpointIdOf } from './endpoint-id.ts';
import { findSandbox } from './find-sandbox.ts';
import { withFormer } from './former-attachment.ts';
import { refreshHosts } from './refresh-hosts.ts';
import { mendLocked, movePorts, publisherOf } from './mend-sandbox.ts';
import type { NetworkWish } from './run-request.ts';
import { withSandboxLock } from './sandbox-lock.ts';
import { stateOf } from './sandbox-state.ts';

/**
 * Brings a sandbox that runs into one more network. When it fails, nothing of it is left.
 *
 * @throws not-found; conflict when it does not run, is in the network, or has no namespace of its own; what `attach` throws
 */
export async function connectSandbox(
  context: Context,
  name: string,
  wish: NetworkWish,
): Promise<NamedSandbox> {
  const found = await findNetwork(context, wish.network);
  return withRunning(context, name, 'connect', async (sandbox) => {
    if (sandbox.networks.some(({ id }) => id === found.id)) {
      throw new TsnetError('conflict', `connect ${sandbox.name}: it is in network ${wish.network} already`);
    }
    const network = recordOf({ found, wish });
    const connected = { ...sandbox, networks: [...sandbox.networks, network] };
    await put(context, connected);
    try {
      await attachSandbox(context, connected, network, portsFor(context, sandbox, found));
      return await putWithFormer(context, connected);
    } catch (error) {
      await detach(context, found.id, endpointIdOf(sandbox.id, found.id));
      await put(context, sandbox);
      throw error;
    }
  });
}

/**
 * Takes a sandbox that runs out of a network. Ports that led to it there lead to it in the next network.
 *
 * @throws not-found; conflict when it does not run or is not in the network; kernel
 */
export async function disconnectSandbox(
  context: Context,
  name: string,
  networkName: string,
): Promise<NamedSandbox> {
  const network = context.state.read((view) => lookUpNetwork(view, networkName));
  return withRunning(context, name, 'disconnect', async (sandbox) => {
    if (!sandbox.networks.some(({ id }) => id === network.id)) {
      throw new TsnetError(
        'conflict',
        `disconnect ${sandbox.name}: it is not in network ${printable(networkName)}`,
      );
    }
    await detach(context, network.id, endpointIdOf(sandbox.id, network.id));
    const left = { ...sandbox, networks: sandbox.networks.filter(({ id }) => id !== network.id) };
    await put(context, left);
    await movePorts(context, left);
    return putWithFormer(context, left);
  });
}

async function withRunning(
  context: Context,
  name: string,
  doing: string,
  action: (sandbox: NamedSandbox) => Promise<NamedSandbox>,
): Promise<NamedSandbox> {
  const found = context.state.read((view) => findSandbox(view, name));
  return withSandboxLock(context, found.name, async () => {
    const sandbox = context.state.read((view) => findSandbox(view, found.id));
    if (stateOf(sandbox) !== 'running') {
      throw new TsnetError('conflict', `${doing} ${sandbox.name}: it does not run`, { hint: 'tsnet ps -a' });
    }
    const { netns } = sandbox;
    if (netns.kind !== 'own') {
      const reason =
        netns.kind === 'host' ? "it has the host's interfaces" : `it has the interfaces of ${netns.name}`;
      throw new TsnetError('conflict', `${doing} ${sandbox.name}: ${reason}`, {
        hint:
          netns.kind === 'host'
            ? 'run it again with --network NETWORK'
            : `tsnet ${doing} NETWORK ${netns.name}`,
      });
    }
    const changed = await action(await mendLocked(context, sandbox));
    await refreshHosts(context);
    return changed;
  });
}

/** Ports are published where they were not yet, by the first network that leads out. */
function portsFor(context: Context, sandbox: NamedSandbox, network: Network): NamedSandbox['ports'] {
  return network.isInternal || publisherOf(context, sandbox) !== undefined ? [] : sandbox.ports;
}

/** After a loss of power that is all that tells which addresses and ports it had. */
async function putWithFormer(context: Context, sandbox: NamedSandbox): Promise<NamedSandbox> {
  const noted = withFormer(context, sandbox);
  await put(context, noted);
  return noted;
}

async function put({ state }: Context, sandbox: NamedSandbox): Promise<void> {
  await state.transact((tx) => tx.putSandbox(sandbox));
}
