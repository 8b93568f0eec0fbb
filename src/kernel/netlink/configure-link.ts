import type { IfName } from '../../model/names.ts';
import { addAddressMessage, type NewAddress } from './addresses.ts';
import type { NetlinkConnection } from './connection.ts';
import { changeLinkMessage } from './link-messages.ts';
import { indexOf } from './links.ts';
import { addRouteMessage, type NewRoute } from './routes.ts';

/** What a link shall have, beside what it has. */
export interface LinkConfiguration {
  readonly addresses: readonly Omit<NewAddress, 'link'>[];
  /** Routes through the link. */
  readonly routes: readonly Omit<NewRoute, 'link'>[];
}

/**
 * Gives a link addresses, sets it up and makes routes through it, in one request to the kernel. What it has already
 * stays and is no error; after one that fails the others are made all the same.
 *
 * @throws not-found for an unknown link; kernel, such as for a gateway that can't be reached
 */
export async function configureLink(
  connection: NetlinkConnection,
  link: IfName,
  { addresses, routes }: LinkConfiguration,
): Promise<void> {
  const index = await indexOf(connection, link);
  const outcomes = await connection.request([
    ...addresses.map((address) => addAddressMessage({ ...address, link }, index)),
    changeLinkMessage(index, { up: true }),
    ...routes.map((route) => addRouteMessage({ ...route, link }, index)),
  ]);
  const failed = outcomes.find(({ error }) => error !== undefined && error.errno !== 'EEXIST');
  if (failed?.error !== undefined) throw failed.error;
}
