import { randomBytes } from 'node:crypto';
import { ipOf, parseNetworkId, type IfName, type Network } from '../model/index.ts';
import {
  createNetwork,
  releasePool,
  requestAddress,
  requestPool,
  withLock,
  type Context,
} from '../network/index.ts';

/** The network of sandboxes for which nobody named one, as in Docker. */
export const defaultNetworkName = 'bridge';
const defaultBridge = 'tsnet0' as IfName;

/** The default network; it is made when somebody needs it for the first time. */
export async function ensureDefaultNetwork(context: Context): Promise<Network> {
  return findDefault(context) ?? withLock(context.runDirectory, 'default-network', () => make(context));
}

async function make(context: Context): Promise<Network> {
  const existing = findDefault(context);
  if (existing !== undefined) return existing;
  const pool = await requestPool(context, { space: 'local' });
  try {
    const gateway = ipOf(await requestAddress(context, pool.id, 'gateway'));
    return await createNetwork(context, {
      id: parseNetworkId(randomBytes(32).toString('hex')),
      name: defaultNetworkName,
      origin: 'cli',
      bridge: defaultBridge,
      subnets: [{ subnet: pool.subnet, gateway }],
      pools: [pool.id],
      reserved: [],
      isInternal: false,
      allowsIcc: true,
      masquerades: true,
      options: {},
    });
  } catch (error) {
    await releasePool(context, pool.id);
    throw error;
  }
}

function findDefault({ state }: Context): Network | undefined {
  return state.read((view) =>
    view.networks().find(({ name, origin }) => name === defaultNetworkName && origin === 'cli'),
  );
}
