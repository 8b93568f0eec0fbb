import type { PoolRequest } from '../ipam/index.ts';
import type { Ip, Network } from '../model/index.ts';
import { commit } from './commit.ts';
import type { Context } from './context.ts';
import { endReleasedNetworks, findBridgeToAdopt, recordNetwork, type NetworkRequest } from './networks.ts';
import { readHostRoutes, takePool, type Pool } from './pools.ts';

/** A network whose addresses no engine gives out. */
export interface OwnNetworkRequest extends Omit<NetworkRequest, 'subnets' | 'pools' | 'reserved'> {
  /** A range for each; those without a subnet are chosen. */
  readonly ranges: readonly Omit<PoolRequest, 'space' | 'options'>[];
  /** The gateway of a range; absent, or undefined, means its first address. */
  readonly gatewayOf?: (pool: Pool) => Ip | undefined;
}

/**
 * Creates a network with its pools and gateways, all or nothing: whoever is killed meanwhile leaves no range taken.
 *
 * @throws as `createNetwork` and `requestPool`
 */
export async function createOwnNetwork(
  context: Context,
  { ranges, gatewayOf, ...request }: OwnNetworkRequest,
): Promise<Network> {
  const named = ranges.flatMap(({ subnet }) => (subnet === undefined ? [] : [{ subnet }]));
  await endReleasedNetworks(context, { id: request.id, subnets: named });
  const found = await findBridgeToAdopt(context, request);
  const hostRoutes = named.length === ranges.length ? [] : await readHostRoutes(context);
  return commit(context, { network: request.id }, (tx) => {
    const taken = ranges.map((range) => takePool(tx, hostRoutes, { ...range, space: 'local' }, gatewayOf));
    return recordNetwork(
      tx,
      {
        ...request,
        subnets: taken.map(({ pool: { subnet }, gateway }) => ({ subnet, gateway })),
        pools: taken.map(({ pool }) => pool.id),
        reserved: [],
      },
      found,
    );
  });
}
