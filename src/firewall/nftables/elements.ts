import { identityOf, type Field, type SetElement } from '../../kernel/nft/index.ts';
import { invalid } from '../../model/errors.ts';
import { familyOf, type Ip } from '../../model/ip.ts';
import type { IfName } from '../../model/names.ts';
import type { Port, Protocol } from '../../model/port.ts';
import type { NetworkRules, Owner, PublishedPort } from '../../model/resource.ts';
import { boundsOf, familyOfRange, type Subnet } from '../../model/subnet.ts';
import type { FirewallResource } from '../firewall.ts';
import { sets, type SetName } from './sets.ts';

/** An element of our table. */
export type Element = SetElement<SetName>;

/** Source: nft(8), NFTNL_UDATA_COMMENT_MAXLEN; what is longer could be made but not read back by nft(8). */
const longestComment = 128;

/** The elements that a resource consists of. @throws invalid-input for an owner of more than 128 bytes */
export function elementsOf(resource: FirewallResource): Element[] {
  const comment = resource.owner;
  if (Buffer.byteLength(comment) > longestComment) {
    throw invalid('owner', comment, `at most ${longestComment} bytes`);
  }
  return resource.kind === 'published-port'
    ? [{ ...keyOfPort(resource), data: [resource.target, resource.targetPort], comment }]
    : networkKeys(resource).map((key) => ({ ...key, comment }));
}

/** The resources that elements make up. Elements of a network without its entry in `bridges` are left out. */
export function resourcesOf(elements: readonly Element[]): FirewallResource[] {
  const identities = new Map<string, Element>(elements.map((element) => [identityOf(element), element]));
  const subnets = new Map<IfName, Subnet[]>();
  for (const { set, key } of elements) {
    if (set !== sets.subnets4 && set !== sets.subnets6) continue;
    const [subnet, bridge] = key as [Subnet, IfName];
    subnets.set(bridge, [...(subnets.get(bridge) ?? []), subnet]);
  }
  return elements.flatMap((element): FirewallResource[] => {
    if (element.data !== undefined) return [portOf(element)];
    if (element.set !== sets.bridges) return [];
    const bridge = bridgeOf(element);
    return [
      {
        kind: 'network-rules',
        bridge,
        subnets: (subnets.get(bridge) ?? []).sort(bySubnet),
        isInternal: identities.has(identityOf({ set: sets.internal_bridges, key: [bridge] })),
        allowsIcc: identities.has(identityOf({ set: sets.icc_bridges, key: [bridge, bridge] })),
        masquerades: identities.has(identityOf({ set: sets.masquerade_bridges, key: [bridge] })),
        owner: ownerOf(element),
      },
    ];
  });
}

/** The one element of a published port, without its value. */
export function keyOfPort({ family, protocol, hostIp, hostPort }: PublishedPort): Element {
  return hostIp === undefined
    ? { set: sets[`publish${family}_any`], key: [protocol, hostPort] }
    : { set: sets[`publish${family}`], key: [hostIp, protocol, hostPort] };
}

/** The bridge that an element of a network belongs to. */
export function bridgeOf(element: Element): IfName {
  return element.key.at(-1) as IfName;
}

/** Whose an element is; one without a mark was made by hand and counts as the host's. */
export function ownerOf({ comment = '' }: Element): Owner {
  return /^(?:network|endpoint):./.test(comment) ? (comment as Owner) : 'host';
}

function networkKeys(network: NetworkRules): { set: Element['set']; key: readonly Field[] }[] {
  const { bridge, subnets, isInternal, allowsIcc, masquerades } = network;
  return [
    { set: sets.bridges, key: [bridge] },
    ...(isInternal ? [{ set: sets.internal_bridges, key: [bridge] }] : []),
    ...(allowsIcc ? [{ set: sets.icc_bridges, key: [bridge, bridge] }] : []),
    ...(masquerades ? [{ set: sets.masquerade_bridges, key: [bridge] }] : []),
    ...subnets.map((subnet) => ({ set: sets[`subnets${familyOfRange(subnet)}`], key: [subnet, bridge] })),
  ];
}

function portOf(element: Element): PublishedPort {
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
    owner: ownerOf(element),
  };
}

function bySubnet(one: Subnet, other: Subnet): number {
  const family = familyOfRange(one) - familyOfRange(other);
  return family !== 0 ? family : Number(boundsOf(one).first > boundsOf(other).first) * 2 - 1;
}
