import type { NetworkId } from '../model/index.ts';
import { collectGarbage, findDeadEndpoints, isPlaced } from './collect-garbage.ts';
import type { Context } from './context.ts';
import { formatGarbage } from './find-garbage.ts';

/**
 * Ends what containers have that died without their runtime's telling us: otherwise they could not be started again with
 * the same address or port.
 *
 * @param network where to look; absent means everywhere
 * @returns whether there was any
 */
export async function endDead(context: Context, network?: NetworkId): Promise<boolean> {
  const rules = { nowSeconds: Date.now() / 1000, leastAgeSeconds: Number.NEGATIVE_INFINITY };
  const dead = (await findDeadEndpoints(context, rules)).filter(isPlaced);
  const ended = await collectGarbage(
    context,
    network === undefined ? dead : dead.filter(({ record }) => record.network === network),
  );
  for (const one of ended) context.log.warn('endpoint gives way', { endpoint: formatGarbage(one) });
  return ended.length > 0;
}
