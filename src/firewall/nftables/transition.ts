import { identityOf } from '../../kernel/nft/index.ts';
import type { FirewallChange, RoutedResource } from '../firewall.ts';
import { nextResources } from '../next-resources.ts';
import { bridgeOf, elementsOf, isOfNetwork, ownerOf, resourcesOf, type Element } from './elements.ts';

/** The elements to delete and to add; deletions come first. */
export interface Transition {
  readonly remove: readonly Element[];
  readonly add: readonly Element[];
}

/**
 * What a change means for the elements that are present. Elements of bridges that it does not name are left alone;
 * remains of half a network on a bridge that it names are cleared away.
 *
 * @param present at least the elements of the bridges and with the keys that the change names
 * @throws conflict as `nextResources`; invalid-input for an owner of more than 128 bytes
 */
export function transitionFor(
  change: FirewallChange<RoutedResource>,
  present: readonly Element[],
): Transition {
  const bridges = new Set(
    [...change.remove, ...change.add].flatMap((resource) =>
      resource.kind === 'network-rules' ? [resource.bridge] : [],
    ),
  );
  const concerned = present.filter((element) => !isOfNetwork(element) || bridges.has(bridgeOf(element)));
  const next = nextResources(change, resourcesOf(concerned));
  const before = byIdentity(concerned);
  const after = byIdentity([...next.values()].flatMap(elementsOf));
  return { remove: missingFrom(after, before), add: missingFrom(before, after) };
}

function byIdentity(elements: readonly Element[]): ReadonlyMap<string, Element> {
  return new Map(elements.map((element) => [identityOf(element), element]));
}

/** Those of `candidates` that are not in `others` as they are. */
function missingFrom(
  others: ReadonlyMap<string, Element>,
  candidates: ReadonlyMap<string, Element>,
): Element[] {
  return [...candidates].flatMap(([identity, element]) => {
    const other = others.get(identity);
    return other !== undefined && isEqual(element, other) ? [] : [element];
  });
}

function isEqual(one: Element, other: Element): boolean {
  return ownerOf(one) === ownerOf(other) && one.data?.join() === other.data?.join();
}
