import type { NamedSandbox, NetworkId } from '../model/index.ts';
import { detach, publish, type Context } from '../network/index.ts';
import { endpointIdOf } from './endpoint-id.ts';

/**
 * Brings a sandbox that runs in order after a `connect` or `disconnect` that was killed half-way: a network that it has no
 * endpoint in is none of its networks, and its ports lead to one of them. The caller holds its lock, so that
 * nobody is in the middle of such a thing.
 */
export async function mendLocked(context: Context, sandbox: NamedSandbox): Promise<NamedSandbox> {
  if (sandbox.netns.kind !== 'own') return sandbox;
  const { id, networks } = sandbox;
  const lost = context.state.read((view) =>
    networks.filter((network) => view.endpoint(network.id, endpointIdOf(id, network.id)) === undefined),
  );
  // The records of an endpoint go first, so that the kernel may still hold some of it.
  for (const network of lost) await detach(context, network.id, endpointIdOf(id, network.id));
  const mended =
    lost.length === 0 ? sandbox : { ...sandbox, networks: networks.filter((one) => !lost.includes(one)) };
  if (lost.length > 0) await context.state.transact((tx) => tx.putSandbox(mended));
  await movePorts(context, mended);
  return mended;
}

/** Publishes the ports of a sandbox that no network of its publishes, by the first one that leads out. */
export async function movePorts(context: Context, sandbox: NamedSandbox): Promise<void> {
  if (sandbox.ports.length === 0 || publisherOf(context, sandbox) !== undefined) return;
  const next = context.state.read((view) =>
    sandbox.networks.map(({ id }) => id).find((id) => view.network(id)?.isInternal === false),
  );
  if (next !== undefined) await publish(context, next, endpointIdOf(sandbox.id, next), sandbox.ports);
}

/** The network by which the ports of a sandbox are published. */
export function publisherOf({ state }: Context, { id, networks }: NamedSandbox): NetworkId | undefined {
  return state.read((view) =>
    networks
      .map((network) => network.id)
      .find((network) => (view.endpoint(network, endpointIdOf(id, network))?.ports ?? []).length > 0),
  );
}
