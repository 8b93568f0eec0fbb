import { existsSync } from 'node:fs';
import type { EndpointId, NetworkId } from '../model/index.ts';
import { formatChange, type Change, type Intent } from '../plan/index.ts';
import { canFilterFrames } from '../observe/index.ts';
import type { StateView } from '../state/index.ts';
import type { Context } from './context.ts';

/** The part of a network that an operation may change: the network itself always, and the endpoints named. */
export interface Scope {
  readonly network: NetworkId;
  readonly endpoints?: readonly EndpointId[] | 'all';
}

/** What is decided about the scope, as a view of the records shows it, with what decides about it in the kernel. */
export function intentOf({ kernel }: Pick<Context, 'kernel'>, view: StateView, scope: Scope): Intent {
  const network = view.network(scope.network);
  const named = scope.endpoints ?? [];
  const endpoints =
    named === 'all'
      ? view.endpoints(scope.network)
      : named.flatMap((id) => view.endpoint(scope.network, id) ?? []);
  const needsSeparation = network?.allowsIcc === false;
  return {
    network,
    endpoints,
    ...(needsSeparation && canFilterFrames(kernel) ? { canFilterFrames: true } : {}),
    ...(existsSync('/proc/sys/net/ipv6') ? {} : { lacksIpv6: true }),
  };
}

/** Logs each change as one line, the same line as in dry runs and findings. */
export function logChanges({ log }: Context, changes: readonly Change[]): void {
  for (const change of changes)
    log.debug('kernel', { change: formatChange(change), owner: change.resource.owner });
}
