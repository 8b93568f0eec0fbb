import type { Resource } from '../model/index.ts';
import type { Change } from '../plan/index.ts';

/** What goes with a veth, and can't be made without one. */
const standsOnVeth: readonly Resource['kind'][] = ['veth', 'ifb', 'shaping'];

/**
 * Changes of what endpoints have, where no endpoint is attached by them. What a container does to the interface in its
 * sandbox is its own business. A veth that is gone was the link of a container that is gone, or lost its other end inside a
 * running one: a new pair would dangle. Restarting the container brings the endpoint in order.
 */
export function withoutSandboxes(changes: readonly Change[]): Change[] {
  const lost = new Set(
    changes.flatMap(({ action, resource }) =>
      action === 'create' && resource.kind === 'veth' ? [resource.owner] : [],
    ),
  );
  return changes.filter(
    ({ resource }) =>
      resource.kind !== 'sandbox-interface' &&
      !(standsOnVeth.includes(resource.kind) && lost.has(resource.owner)),
  );
}
