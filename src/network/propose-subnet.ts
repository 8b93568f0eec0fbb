import { requestPool } from '../ipam/index.ts';
import type { IpFamily, Subnet } from '../model/index.ts';
import type { Context } from './context.ts';
import { readHostRoutes } from './pools.ts';

/**
 * A range for a network that overlaps no network and no pool of tsnet, no route of the host and nothing that is named.
 * Nothing is recorded: who asks keeps it.
 *
 * @param taken what is in use elsewhere, of either family
 * @throws exhausted
 */
export async function proposeSubnet(
  context: Context,
  family: IpFamily,
  taken: readonly Subnet[],
): Promise<Subnet> {
  const routes = await readHostRoutes(context);
  const { pools, networks } = context.state.read((view) => ({
    pools: view.pools(),
    networks: view.networks().flatMap(({ subnets }) => subnets.map(({ subnet }) => subnet)),
  }));
  return requestPool(pools, [...routes, ...networks, ...taken], { space: 'local', family }).subnet;
}
