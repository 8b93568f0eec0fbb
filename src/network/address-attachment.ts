import { TsnetError } from '../model/index.ts';
import type { AttachRequest } from './attach.ts';
import { commit } from './commit.ts';
import { claimSharedPorts, sharingPorts } from './container-ports.ts';
import type { Context } from './context.ts';
import { refuseForeignAddress, requireEndpoint, type Attachment } from './endpoints.ts';
import { claimPorts, forgetFlows, withListeners } from './ports.ts';

/** The request of an attachment whose addresses are known by now. */
export type AddressingRequest = AttachRequest & Required<Pick<AttachRequest, 'addresses'>>;

/**
 * Gives an attachment that was made without addresses those that were asked for over its interface, as DHCP does, with
 * the routes and the published ports that depend on them.
 *
 * @throws not-found for an unknown attachment; conflict when an address or a port is taken; kernel; drift
 */
export async function addressAttachment(context: Context, request: AddressingRequest): Promise<Attachment> {
  return sharingPorts(context, request, () => addressOnce(context, request));
}

async function addressOnce(context: Context, request: AddressingRequest): Promise<Attachment> {
  const { network, id, addresses, routes, ports, portKeepers: keepers, sharesPorts } = request;
  return withListeners(context, { ports, keepers }, async (listeners) => {
    const attachment = await commit(context, { network, endpoints: [id] }, (tx) => {
      const found = requireEndpoint(tx, network, id);
      const { sandbox } = found.endpoint;
      if (sandbox?.placement === undefined) {
        throw new TsnetError('bug', `address endpoint ${id}: an engine sets up its interface`);
      }
      for (const address of addresses) refuseForeignAddress(found.network, address);
      const placement = {
        ...sandbox.placement,
        routes: typeof routes === 'function' ? routes(addresses) : routes,
      };
      const endpoint = { ...found.endpoint, addresses, sandbox: { ...sandbox, placement } };
      tx.putEndpoint(endpoint);
      const claim = sharesPorts === true ? claimSharedPorts : claimPorts;
      return { network: found.network, endpoint: claim(tx, { ...found, endpoint }, ports, listeners) };
    });
    await forgetFlows(context, attachment.endpoint.ports);
    return attachment;
  });
}
