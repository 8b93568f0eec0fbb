import { shortId, TsnetError, type AdoptedBridge } from '../model/index.ts';
import { bridgeAddresses } from '../plan/index.ts';
import type { Context } from './context.ts';
import type { NetworkRequest } from './networks.ts';

/** A bridge that others made, with all its addresses. */
export type ForeignBridge = Pick<AdoptedBridge, 'addresses'>;

/**
 * The bridge of the wanted name that others made; `undefined` when there is none, so that the network makes its own, or
 * when it carries our mark.
 *
 * @throws conflict when something that is no bridge has the name
 */
export async function findForeignBridge(
  { kernel: { rtnetlink } }: Context,
  request: Pick<NetworkRequest, 'id' | 'name' | 'bridge'>,
): Promise<ForeignBridge | undefined> {
  const { bridge: name } = request;
  const link = name === undefined ? undefined : (await rtnetlink.readLinks([name])).get(name);
  if (link === undefined || link.alias?.startsWith('tsnet:') === true) return undefined;
  if (link.kind !== 'bridge' || link.name !== name) {
    throw new TsnetError(
      'conflict',
      `create network ${request.name ?? shortId(request.id)}: interface ${link.name} is in the way, and it is no bridge`,
      { subject: link.name, hint: 'choose another bridge name' },
    );
  }
  const addresses = await rtnetlink.listAddresses({ link: link.index });
  return { addresses: addresses.map(({ address }) => address) };
}

/** What a network says of a bridge that others made: those of its own gateway addresses that were there before. */
export function adopt(found: ForeignBridge, request: NetworkRequest): AdoptedBridge {
  return { addresses: bridgeAddresses(request).filter((address) => found.addresses.includes(address)) };
}
