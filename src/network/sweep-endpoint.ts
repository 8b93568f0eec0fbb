import type { EndpointId, NetworkId } from '../model/index.ts';
import { observeOwned } from '../observe/index.ts';
import { diff } from '../plan/index.ts';
import { apply } from './apply.ts';
import type { Context } from './context.ts';
import { logChanges } from './intent.ts';
import { settleHeld } from './interrupted.ts';
import { forgetLock, withLock } from './lock.ts';

/**
 * Takes out of the kernel what carries the mark of an endpoint that has no record: the process that ended it was killed
 * between the record and the kernel, and its caller asks once more. Looks at everything of ours, because by now the link
 * by which the endpoint could be found may have gone with its container, and its ports may not.
 *
 * @throws kernel
 */
export async function sweepEndpoint(context: Context, network: NetworkId, id: EndpointId): Promise<void> {
  await withLock(context.runDirectory, network, async () => {
    await settleHeld(context, network);
    const owned = await observeOwned(context.kernel);
    const left = owned.filter(({ owner }) => owner === `endpoint:${id}`);
    const [isKnown, hasRecord] = context.state.read((view) => [
      view.network(network) !== undefined,
      view.endpoint(network, id) !== undefined,
    ]);
    if (left.length > 0 && !hasRecord) {
      const changes = diff(left, [], left);
      logChanges(context, changes);
      await apply(context.kernel, changes);
    }
    if (!isKnown) forgetLock(context.runDirectory, network);
  });
}
