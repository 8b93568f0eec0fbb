import type { IfName, Resource } from '../model/index.ts';
import type { Change } from './diff.ts';

/**
 * The bridges of others that should be there and are not, and the changes that can be made without them. Rules name a
 * bridge and need none.
 */
export function withoutVanished(changes: readonly Change[]): {
  readonly vanished: readonly IfName[];
  readonly possible: Change[];
} {
  const vanished = changes.flatMap(({ action, resource }) =>
    action === 'create' && resource.kind === 'bridge' && resource.owner === 'host' ? [resource.name] : [],
  );
  if (vanished.length === 0) return { vanished, possible: [...changes] };
  return {
    vanished,
    possible: changes.filter(
      ({ action, resource }) => action === 'delete' || !vanished.some((name) => standsOn(resource, name)),
    ),
  };
}

function standsOn(resource: Resource, bridge: IfName): boolean {
  switch (resource.kind) {
    case 'bridge':
      return resource.name === bridge;
    case 'veth':
      return resource.bridge === bridge;
    case 'address':
    case 'route':
      return resource.link === bridge;
    case 'sysctl':
      return resource.path.split('/')[2] === bridge;
    case 'network-rules':
    case 'published-port':
    case 'open-port':
    case 'source-guard':
    case 'frame-filter':
    case 'sandbox-interface':
    case 'ifb':
    case 'shaping':
      return false;
  }
}
