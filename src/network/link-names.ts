import { hostLinkPrefix, type EndpointId, type IfName, type NetworkId } from '../model/index.ts';

// 4 characters of prefix and 10 of the id fit the 15 of an interface name; ids are random, so ten characters keep
// a host's interfaces apart, and a name that is taken all the same is refused and never shared.
const idCharacters = 10;

/** The bridge of a network without a name of its own. Rules for all of them are written with the wildcard `tsb-+`. */
export function bridgeName(id: NetworkId): IfName {
  return `tsb-${id.slice(0, idCharacters)}` as IfName;
}

/** The end of an endpoint's veth that is in the bridge. */
export function hostLinkName(id: EndpointId): IfName {
  return `${hostLinkPrefix}${id.slice(0, idCharacters)}` as IfName;
}

/** The end of an endpoint's veth that goes into the container, where it is renamed. */
export function containerLinkName(id: EndpointId): IfName {
  return `tsc-${id.slice(0, idCharacters)}` as IfName;
}
