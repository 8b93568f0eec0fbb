import type { NetworkId, NetworkOrigin } from '../model/index.ts';
import { withdraw } from './commit.ts';
import type { Context } from './context.ts';

/**
 * Ends the networks of an origin that have no endpoints: for engines that say nothing when they forget a network, and all
 * there is to know of it when they attach a container.
 *
 * @param except one that is about to get an endpoint
 * @throws kernel
 */
export async function endIdleNetworks(
  context: Context,
  origin: NetworkOrigin,
  except?: NetworkId,
): Promise<void> {
  const idle = context.state.read((view) =>
    view
      .networks()
      .filter((network) => network.origin === origin && network.id !== except)
      .filter(({ id }) => view.endpoints(id).length === 0),
  );
  for (const { id } of idle) {
    await withdraw(context, { network: id, endpoints: 'all' }, (tx) => {
      // Between looking and locking another container may have come.
      if (tx.endpoints(id).length === 0) tx.deleteNetwork(id);
    });
  }
}
