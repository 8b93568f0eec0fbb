import type { Field, SetElement } from '../../kernel/nft/index.ts';
import { familyOf, type Ip } from '../../model/ip.ts';
import type { Mac } from '../../model/mac.ts';
import type { IfName } from '../../model/names.ts';
import type { FrameFilter, Owner, SourceGuard } from '../../model/resource.ts';
import type { BridgedResource } from '../firewall.ts';
import { guardSets, type GuardSetName } from './structure.ts';

/** An element of the table of guards. */
export type Element = SetElement<GuardSetName>;

/** The elements that a guard or filter consists of. */
export function elementsOf(resource: BridgedResource): Element[] {
  if (resource.kind === 'frame-filter')
    return [{ set: guardSets.ip_only, key: [resource.bridge], comment: resource.owner }];
  const { link, mac, addresses, owner } = resource;
  const [ipv4, ipv6] = ([4, 6] as const).map((family) => addresses.filter((ip) => familyOf(ip) === family));
  const keys: readonly (readonly [GuardSetName, readonly Field[]])[] = [
    ['ports', []],
    ['macs', [mac]],
    ...(ipv4 ?? []).map((ip) => ['sources4', [ip]] as const),
    ...(ipv6 ?? []).map((ip) => ['sources6', [ip]] as const),
    ...(ipv6 ?? []).map((ip) => ['targets6', [ip]] as const),
  ];
  return keys.map(([name, fields]) => ({ set: guardSets[name], key: [link, ...fields], comment: owner }));
}

/** The guards that elements make up. Elements of a port without its entry in `ports` are left out. */
export function guardsOf(elements: readonly Element[]): SourceGuard[] {
  return elements
    .filter(({ set }) => set === guardSets.ports)
    .flatMap(({ key, comment }) => {
      const link = key[0] as IfName;
      const fieldsIn = (name: GuardSetName) =>
        elements.flatMap((element) =>
          element.set === guardSets[name] && element.key[0] === link ? (element.key[1] ?? []) : [],
        );
      const targets = new Set(fieldsIn('targets6'));
      const ipv6 = fieldsIn('sources6').filter((ip) => targets.has(ip));
      const [mac] = fieldsIn('macs');
      if (mac === undefined) return [];
      return {
        kind: 'source-guard',
        link,
        mac: mac as Mac,
        addresses: [...fieldsIn('sources4'), ...ipv6] as Ip[],
        owner: ownerOf(comment),
      };
    });
}

/** The filters among elements. */
export function frameFiltersOf(elements: readonly Element[]): FrameFilter[] {
  return elements
    .filter(({ set }) => set === guardSets.ip_only)
    .map(({ key, comment }) => ({
      kind: 'frame-filter',
      bridge: key[0] as IfName,
      owner: ownerOf(comment),
    }));
}

/** One without a mark was made by hand and counts as the host's. */
function ownerOf(comment = ''): Owner {
  return /^(?:endpoint|network):/.test(comment) ? (comment as Owner) : 'host';
}
