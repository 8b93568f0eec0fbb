import type { Field, SetElement } from '../../kernel/nft/index.ts';
import { invalid } from '../../model/errors.ts';
import { familyOf, type Ip } from '../../model/ip.ts';
import type { IfName } from '../../model/names.ts';
import type { Port, Protocol } from '../../model/port.ts';
import type { NetworkRules, OpenPort, Owner, PublishedPort } from '../../model/resource.ts';
import { boundsOf, familyOfRange, type Subnet } from '../../model/subnet.ts';
import type { RoutedResource } from '../firewall.ts';
import { networkSets, sets, type SetName } from './sets.ts';

/** An element of our table. */
export type Element = SetElement<SetName>;

/** Source: nft(8), NFTNL_UDATA_COMMENT_MAXLEN; what is longer could be made but not read back by nft(8). */
const longestComment = 128;

/** The elements that a resource consists of. @throws invalid-input for an owner of more than 128 bytes */
export function elementsOf(resource: RoutedResource): Element[] {
  const comment = resource.owner;
  if (Buffer.byteLength(comment) > longestComment) {
    throw invalid('owner', comment, `at most ${longestComment} bytes`);
  }
  const keys = resource.kind === 'network-rules' ? networkKeys(resource) : [keyOfPort(resource)];
  const value =
    resource.kind === 'published-port' ? { data: [resource.target, resource.targetPort] } : undefined;
  return keys.map((key) => ({ ...key, ...value, comment }));
}

/** The resources that elements make up. Elements of a network without its entry in `bridges` are left out. */
export function resourcesOf(elements: readonly Element[]): RoutedResource[] {
  const ofNetworks = new Map<IfName, Element[]>();
  for (const element of elements.filter(isOfNetwork)) {
    const bridge = bridgeOf(element);
    const others = ofNetworks.get(bridge);
    if (others === undefined) ofNetworks.set(bridge, [element]);
    else others.push(element);
  }
  return elements.flatMap((element): RoutedResource[] => {
    if (!isOfNetwork(element)) return [portOf(element)];
    if (element.set !== sets.bridges) return [];
    const bridge = bridgeOf(element);
    return [{ ...networkOf(bridge, ofNetworks.get(bridge) ?? []), owner: ownerOf(element) }];
  });
}

/** The one element of a port, without its value. */
export function keyOfPort(port: PublishedPort | OpenPort): Element {
  if (port.kind === 'open-port') {
    const { target, protocol, targetPort, bridge } = port;
    return { set: sets[`open${familyOf(target)}`], key: [target, protocol, targetPort, bridge] };
  }
  const { family, protocol, hostIp, hostPort } = port;
  return hostIp === undefined
    ? { set: sets[`publish${family}_any`], key: [protocol, hostPort] }
    : { set: sets[`publish${family}`], key: [hostIp, protocol, hostPort] };
}

/** Every element that a network with that bridge, those subnets and those trusted interfaces may have. */
export function possibleKeysOf(network: NetworkRules): Element[] {
  const { bridge, subnets, trustedInterfaces = [] } = network;
  return [
    ...networkSets
      .filter(({ key, hasIntervals }) => key.every((type) => type === 'ifname') && hasIntervals !== true)
      .filter((set) => set !== sets.trusted_interfaces)
      .map((set) => ({ set, key: set.key.map(() => bridge) })),
    ...subnetKeys(bridge, subnets),
    ...trustedKeys(bridge, trustedInterfaces),
  ];
}

/** Whether an element is part of a network; all others are ports. */
export function isOfNetwork({ set }: Element): boolean {
  return networkSets.includes(set);
}

/** The bridge that an element of a network belongs to. */
export function bridgeOf(element: Element): IfName {
  return element.key.at(-1) as IfName;
}

/** Whose an element is; one without a mark was made by hand and counts as the host's. */
export function ownerOf({ comment = '' }: Element): Owner {
  return /^(?:network|endpoint):./.test(comment) ? (comment as Owner) : 'host';
}

function networkKeys(network: NetworkRules): Element[] {
  const { bridge } = network;
  const of = (set: Element['set']): Element => ({ set, key: set.key.map(() => bridge) });
  return [
    of(sets.bridges),
    ...(network.isInternal ? [of(sets.internal_bridges)] : []),
    of(network.allowsIcc ? sets.icc_bridges : sets.no_icc_bridges),
    ...(network.masquerades ? [of(sets.masquerade_bridges)] : []),
    ...(network.antispoofs === true ? [of(sets.antispoof_bridges)] : []),
    ...(network.routed ?? []).map((family) => of(sets[`routed_bridges${family}`])),
    ...(network.unprotected ?? []).map((family) => of(sets[`unprotected_bridges${family}`])),
    ...(network.hostSources ?? []).map((ip) => ({ ...of(sets[`source${familyOf(ip)}`]), data: [ip] })),
    ...trustedKeys(bridge, network.trustedInterfaces ?? []),
    ...subnetKeys(bridge, network.subnets),
  ];
}

function subnetKeys(bridge: IfName, subnets: readonly Subnet[]): Element[] {
  return subnets.map((subnet) => ({ set: sets[`subnets${familyOfRange(subnet)}`], key: [subnet, bridge] }));
}

function trustedKeys(bridge: IfName, interfaces: readonly IfName[]): Element[] {
  return interfaces.map((name) => ({ set: sets.trusted_interfaces, key: [name, bridge] }));
}

/** What the elements of one bridge say of its network. */
function networkOf(bridge: IfName, elements: readonly Element[]): Omit<NetworkRules, 'owner'> {
  const has = (set: Element['set']) => elements.some((element) => element.set === set);
  const firstFields = <F extends Field>(...wanted: readonly Element['set'][]) =>
    elements.filter(({ set }) => wanted.includes(set)).map(({ key, data }) => (data ?? key)[0] as F);
  const families = (name: 'routed_bridges' | 'unprotected_bridges') =>
    ([4, 6] as const).filter((family) => has(sets[`${name}${family}`]));
  return {
    kind: 'network-rules',
    bridge,
    subnets: firstFields<Subnet>(sets.subnets4, sets.subnets6).sort(bySubnet),
    isInternal: has(sets.internal_bridges),
    allowsIcc: has(sets.icc_bridges),
    masquerades: has(sets.masquerade_bridges),
    ...unlessEmpty('routed', families('routed_bridges')),
    ...unlessEmpty('unprotected', families('unprotected_bridges')),
    ...unlessEmpty('hostSources', firstFields<Ip>(sets.source4, sets.source6)),
    ...unlessEmpty('trustedInterfaces', firstFields<IfName>(sets.trusted_interfaces)),
    ...(has(sets.antispoof_bridges) ? { antispoofs: true } : {}),
  };
}

function unlessEmpty<Name extends string, T>(
  name: Name,
  items: readonly T[],
): { readonly [N in Name]?: readonly T[] } {
  return items.length === 0 ? {} : ({ [name]: items } as { readonly [N in Name]: readonly T[] });
}

function portOf(element: Element): PublishedPort | OpenPort {
  const owner = ownerOf(element);
  if (element.data === undefined) {
    const [target, protocol, targetPort, bridge] = element.key as [Ip, Protocol, Port, IfName];
    return { kind: 'open-port', bridge, protocol, target, targetPort, owner };
  }
  const [hostPort, protocol, hostIp] = element.key.toReversed() as [Port, Protocol, Ip?];
  const [target, targetPort] = element.data as [Ip, Port];
  return {
    kind: 'published-port',
    family: familyOf(target),
    protocol,
    ...(hostIp === undefined ? {} : { hostIp }),
    hostPort,
    target,
    targetPort,
    owner,
  };
}

function bySubnet(one: Subnet, other: Subnet): number {
  const family = familyOfRange(one) - familyOfRange(other);
  return family !== 0 ? family : Number(boundsOf(one).first > boundsOf(other).first) * 2 - 1;
}
