import { randomBytes } from 'node:crypto';
import { parseNetworkId, type IfName, type Network } from '../model/index.ts';
import { createOwnNetwork, settleInterrupted, withLock, type Context } from '../network/index.ts';

/** The network of sandboxes for which nobody named one, as in Docker. */
export const defaultNetworkName = 'bridge';
const defaultBridge = 'tsnet0' as IfName;

/** The default network; it is made when somebody needs it for the first time. */
export async function ensureDefaultNetwork(context: Context): Promise<Network> {
  // One that is being made, or whose maker was killed, may be taken back yet.
  const isSettled = context.state.read((view) => view.unfinished().length === 0);
  return (
    (isSettled ? findDefault(context) : undefined) ??
    withLock(context.runDirectory, 'default-network', () => make(context))
  );
}

async function make(context: Context): Promise<Network> {
  await settleInterrupted(context);
  const existing = findDefault(context);
  if (existing !== undefined) return existing;
  return createOwnNetwork(context, {
    id: parseNetworkId(randomBytes(32).toString('hex')),
    name: defaultNetworkName,
    origin: 'cli',
    bridge: defaultBridge,
    ranges: [{}],
    isInternal: false,
    allowsIcc: true,
    masquerades: true,
    options: {},
  });
}

function findDefault({ state }: Context): Network | undefined {
  return state.read((view) =>
    view.networks().find(({ name, origin }) => name === defaultNetworkName && origin === 'cli'),
  );
}
