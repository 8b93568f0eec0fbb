import { parseNetworkId } from '../../model/index.ts';
import { detach, endIdleNetworks, type Context } from '../../network/index.ts';
import { decode } from '../docker/requests.ts';
import { endpointIdOf } from './endpoint-id.ts';
import { teardownSchema } from './requests.ts';

/** Ends what `setUp` made, and the network with its last container. What is gone is success. @throws kernel */
export async function tearDown(context: Context, body: unknown): Promise<void> {
  const request = decode(teardownSchema, body);
  const network = parseNetworkId(request.network.id, 'network.id');
  await detach(
    context,
    network,
    endpointIdOf(network, request.container_id, request.network_options.interface_name),
  );
  await endIdleNetworks(context, 'netavark');
}
