import { familyOf, gatewayOf, ipOf, shortId, type Endpoint, type Network } from '../../model/index.ts';
import type { AttachmentView, ContainerView } from './container-view.ts';

/** A recorded attachment as engines tell of theirs. */
export function endpointView(endpoint: Endpoint, network: Network | undefined): AttachmentView {
  const { id, network: networkId, mac, aliases = [] } = endpoint;
  const addresses = endpoint.addresses.map(ipOf);
  const [first] = addresses;
  const gateway = first && network && gatewayOf(network, familyOf(first));
  return {
    networkId,
    networkName: network?.name ?? shortId(networkId),
    endpointId: id,
    addresses,
    ...(gateway === undefined ? {} : { gateway }),
    mac,
    aliases,
  };
}

/**
 * Of `device:inode` the part that the kernel shows: all namespaces are files of one file system. Nothing for what is no
 * such text.
 */
export function netnsOfIdentity(identity: string | undefined): Pick<ContainerView, 'netns'> {
  const inode = Number(identity?.split(':')[1]);
  return Number.isSafeInteger(inode) && inode > 0 ? { netns: `net:${inode}` } : {};
}
