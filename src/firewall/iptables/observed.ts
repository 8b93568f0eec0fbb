import {
  commentOf,
  optionValue,
  targetOf,
  type SavedRule,
  type SavedTables,
} from '../../kernel/iptables/parse-save.ts';
import { familyOf, parseIp, type Ip, type IpFamily } from '../../model/ip.ts';
import { parseIfName, type IfName } from '../../model/names.ts';
import { parsePort, parseProtocol } from '../../model/port.ts';
import type { NetworkRules, OpenPort, Owner, PublishedPort } from '../../model/resource.ts';
import { parseSubnet, type Subnet } from '../../model/subnet.ts';
import type { RoutedResource } from '../firewall.ts';
import { parseNetworkComment } from './network-comment.ts';
import { filterChain, masqueradeChain, openChain, publishChain } from './rules.ts';

/**
 * The resources that our chains make up. A network without its rules in every family is left out: it is not whole.
 * Rules in our chains that we can't have made are left out as well; the next change clears them away.
 */
export function observedResources(saved: ReadonlyMap<IpFamily, SavedTables>): RoutedResource[] {
  const families = [...saved.values()];

  const subnets = new Map<IfName, Subnet[]>();
  for (const rule of families.flatMap((tables) => rulesOf(tables, 'nat', masqueradeChain))) {
    const [source, bridge] = [optionValue(rule, '-s'), optionValue(rule, '-o')];
    if (source === undefined || bridge === undefined || optionValue(rule, '--ctstate') !== 'DNAT') continue;
    const name = parseIfName(bridge);
    subnets.set(name, [...(subnets.get(name) ?? []), parseSubnet(source)]);
  }

  const [comments, ...others] = families.map((tables) =>
    networkComments(rulesOf(tables, 'mangle', filterChain)),
  );
  const networks = [...(comments ?? [])]
    .filter(([bridge, comment]) => others.every((other) => other.get(bridge) === comment))
    .map(([bridge, comment]): RoutedResource => ({
      kind: 'network-rules',
      bridge,
      subnets: subnets.get(bridge) ?? [],
      ...parseNetworkComment(comment),
      ...waysIn(saved, bridge),
      ...hostSources(families, bridge),
    }));
  const ports = families.flatMap((tables) => [
    ...rulesOf(tables, 'nat', publishChain).flatMap(parsePublishedPort),
    ...rulesOf(tables, 'mangle', openChain).flatMap(parseOpenPort),
  ]);
  return [...networks, ...ports];
}

/** What lets others ask at the containers' own addresses. */
function waysIn(
  saved: ReadonlyMap<IpFamily, SavedTables>,
  bridge: IfName,
): Pick<NetworkRules, 'routed' | 'unprotected' | 'trustedInterfaces'> {
  const routed: IpFamily[] = [];
  const unprotected: IpFamily[] = [];
  const trusted = new Set<IfName>();
  for (const [family, tables] of saved) {
    for (const rule of rulesOf(tables, 'mangle', filterChain)) {
      if (optionValue(rule, '-o') !== bridge) continue;
      const [from, target] = [optionValue(rule, '-i'), targetOf(rule)];
      if (target === openChain) {
        if (from === undefined) routed.push(family);
        else trusted.add(parseIfName(from));
      } else if (target === 'RETURN' && from === undefined && isPlain(rule)) unprotected.push(family);
    }
  }
  return {
    ...(routed.length === 0 ? {} : { routed }),
    ...(unprotected.length === 0 ? {} : { unprotected }),
    ...(trusted.size === 0 ? {} : { trustedInterfaces: [...trusted] }),
  };
}

/** Whether a rule asks for nothing but interfaces. */
function isPlain(rule: SavedRule): boolean {
  return optionValue(rule, '--ctstate') === undefined && optionValue(rule, '-p') === undefined;
}

function hostSources(families: readonly SavedTables[], bridge: IfName): Pick<NetworkRules, 'hostSources'> {
  const sources = families
    .flatMap((tables) => rulesOf(tables, 'nat', masqueradeChain))
    .filter((rule) => rule.options.some(({ name, values }) => name === '-o' && values[0] === bridge))
    .flatMap((rule) => optionValue(rule, '--to-source') ?? [])
    .map((text) => parseIp(text));
  return sources.length === 0 ? {} : { hostSources: [...new Set(sources)] };
}

function rulesOf(tables: SavedTables, table: string, chain: string): readonly SavedRule[] {
  return tables.get(table)?.get(chain)?.rules ?? [];
}

/** The comment of the rule that every network has: what is not accepted for its bridge is dropped. */
function networkComments(rules: readonly SavedRule[]): ReadonlyMap<IfName, string> {
  return new Map(
    rules.flatMap((rule): [IfName, string][] => {
      const [bridge, comment] = [optionValue(rule, '-o'), commentOf(rule)];
      const isLast = targetOf(rule) === 'DROP' && bridge !== undefined && comment !== undefined;
      return isLast ? [[parseIfName(bridge), comment]] : [];
    }),
  );
}

function parseOpenPort(rule: SavedRule): OpenPort[] {
  const [target, bridge, protocol, port, owner] = [
    optionValue(rule, '-d'),
    optionValue(rule, '-o'),
    optionValue(rule, '-p'),
    optionValue(rule, '--dport'),
    commentOf(rule),
  ];
  if (target === undefined || bridge === undefined || owner === undefined) return [];
  return [
    {
      kind: 'open-port',
      bridge: parseIfName(bridge),
      protocol: parseProtocol(protocol),
      target: target.replace(/\/\d+$/, '') as Ip,
      targetPort: parsePort(Number(port)),
      owner: owner as Owner,
    },
  ];
}

function parsePublishedPort(rule: SavedRule): PublishedPort[] {
  const [hostIp, protocol, hostPort, destination, owner] = [
    optionValue(rule, '-d'),
    optionValue(rule, '-p'),
    optionValue(rule, '--dport'),
    optionValue(rule, '--to-destination'),
    commentOf(rule),
  ];
  const parts = /^\[?([^\]]*?)\]?:(\d+)$/.exec(destination ?? '');
  if (parts === null || owner === undefined) return [];
  const target = parseIp(parts[1]);
  return [
    {
      kind: 'published-port',
      family: familyOf(target),
      protocol: parseProtocol(protocol),
      ...(hostIp === undefined ? {} : { hostIp: hostIp.replace(/\/\d+$/, '') as Ip }),
      hostPort: parsePort(Number(hostPort)),
      target,
      targetPort: parsePort(Number(parts[2])),
      owner: owner as Owner,
    },
  ];
}
