import { printable, shortId, TsnetError, type Network, type SandboxNetwork } from '../model/index.ts';
import type { Context } from '../network/index.ts';
import type { StateView } from '../state/index.ts';
import { defaultNetworkName, ensureDefaultNetwork } from './default-network.ts';
import type { NetworkWish } from './run-request.ts';

/** A network that was found, with what is wished for there. */
export interface NetworkChoice {
  readonly found: Network;
  readonly wish: NetworkWish;
}

/** A choice as it is recorded. */
export function recordOf({ found, wish }: NetworkChoice): SandboxNetwork {
  const { network: _, ...rest } = wish;
  return { id: found.id, ...rest };
}

/**
 * Finds the networks that are wished for, and makes the default one if it is among them.
 *
 * @throws not-found; conflict when one is named twice; unsupported for one that somebody else manages
 */
export async function chooseNetworks(
  context: Context,
  wishes: readonly NetworkWish[],
): Promise<NetworkChoice[]> {
  const choices: NetworkChoice[] = [];
  for (const wish of wishes) {
    const found = await findNetwork(context, wish.network);
    if (choices.some((other) => other.found.id === found.id)) {
      throw new TsnetError('conflict', `connect to network ${printable(wish.network)}: it is named twice`);
    }
    choices.push({ found, wish });
  }
  return choices;
}

/** A network by name, id or unique beginning of an id; the default one is made if need be. */
export async function findNetwork(context: Context, name: string): Promise<Network> {
  if (name === defaultNetworkName || name === 'default') return ensureDefaultNetwork(context);
  return context.state.read((view) => lookUpNetwork(view, name));
}

const managers = { docker: 'an engine', cni: 'a CNI runtime', netavark: 'Podman' } as const;

/** The same, and nothing is made. @throws not-found; conflict when several fit; unsupported */
export function lookUpNetwork(view: StateView, name: string): Network {
  const networks = view.networks();
  const fullName = name === 'default' ? defaultNetworkName : name;
  const exact = networks.filter((network) => network.id === name || network.name === fullName);
  const found = exact.length > 0 ? exact : networks.filter(({ id }) => name !== '' && id.startsWith(name));
  const [network] = found;
  if (found.length > 1) throw new TsnetError('conflict', `network ${name}: ${found.length} networks fit`);
  if (network === undefined) {
    throw new TsnetError('not-found', `network ${printable(name)} is not known`, {
      hint: `tsnet network ls; tsnet network create ${printable(name)}`,
    });
  }
  if (network.origin !== 'cli') {
    throw new TsnetError(
      'unsupported',
      `connect to network ${shortId(network.id)}: ${managers[network.origin]} manages it, and ends what it does not know`,
      { hint: 'tsnet network create makes one for sandboxes' },
    );
  }
  return network;
}
