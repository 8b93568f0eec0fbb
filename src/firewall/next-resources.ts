import { TsnetError } from '../model/errors.ts';
import {
  formatResource,
  keyOf,
  type NetworkRules,
  type OpenPort,
  type PublishedPort,
} from '../model/resource.ts';
import type { FirewallChange, RoutedResource } from './firewall.ts';

/**
 * What is there after a change, by key. The same for every back end: to remove what is absent, or another's, changes
 * nothing; a network's rules are replaced by those of the same owner, a port never is.
 *
 * @throws conflict when another owner holds a bridge, or a host port leads elsewhere
 */
export function nextResources(
  change: FirewallChange<RoutedResource>,
  present: readonly RoutedResource[],
): ReadonlyMap<string, RoutedResource> {
  const next = new Map(present.map((resource) => [keyOf(resource), resource]));
  for (const resource of change.remove) {
    const held = next.get(keyOf(resource));
    if (held !== undefined && isSame(resource, held)) next.delete(keyOf(resource));
  }
  for (const resource of change.add) {
    const held = next.get(keyOf(resource));
    if (held !== undefined && !isSame(resource, held)) throw conflict(resource, held);
    next.set(keyOf(resource), resource);
  }
  return next;
}

/** Whether what is held is the same thing: then it may be removed or replaced in its name. */
function isSame(resource: RoutedResource, held: RoutedResource): boolean {
  if (resource.owner !== held.owner) return false;
  return resource.kind === 'network-rules' || leadsTo(resource) === leadsTo(held as typeof resource);
}

function leadsTo({ target, targetPort }: PublishedPort | OpenPort): string {
  return `${target} ${targetPort}`;
}

function conflict(resource: RoutedResource, held: RoutedResource): TsnetError {
  if (resource.kind === 'network-rules') return bridgeConflict(resource, held);
  return new TsnetError(
    'conflict',
    `publish ${formatResource(resource)}: ${held.owner} has ${formatResource(held)}`,
    { subject: formatResource(resource), hint: 'choose another host port, or remove what holds it' },
  );
}

function bridgeConflict({ bridge, owner }: NetworkRules, held: RoutedResource): TsnetError {
  return new TsnetError('conflict', `add the rules of ${owner}: bridge ${bridge} belongs to ${held.owner}`, {
    subject: `bridge ${bridge}`,
    hint: 'choose another bridge, or remove the network that has it',
  });
}
