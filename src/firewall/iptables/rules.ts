import { interfacesNamed, type ChainName, type Rule, type Target } from '../../kernel/iptables/rule.ts';
import { parseSubnet } from '../../model/subnet.ts';
import { familyOf, type Ip, type IpFamily } from '../../model/ip.ts';
import type { IfName } from '../../model/names.ts';
import {
  hostLinkPrefix,
  type NetworkRules,
  type OpenPort,
  type PublishedPort,
} from '../../model/resource.ts';
import { familyOfRange } from '../../model/subnet.ts';
import type { RoutedResource } from '../firewall.ts';
import { acceptanceRules, forwardChain, forwardJump } from '../forward-acceptance.ts';
import type { WantedTable } from './converge.ts';
import { networkComment } from './network-comment.ts';

const loopback = parseSubnet('127.0.0.0/8');

const guardChain: ChainName = 'TSNET-GUARD';
export const publishChain: ChainName = 'TSNET-PUBLISH';
export const masqueradeChain: ChainName = 'TSNET-MASQUERADE';
/**
 * What is forwarded: RETURN lets it go on, all else is dropped. In table `mangle`, where nobody else puts rules first or
 * flushes what is not his, as engines and firewalls do in `filter`.
 */
export const filterChain: ChainName = 'TSNET-FILTER';
/** Container ports that answer at the container's own address, for those who may ask there. */
export const openChain: ChainName = 'TSNET-OPEN';

/** All tables of one family as they should be with those resources. The order of rules is the order of the checks. */
export function wantedTables(resources: readonly RoutedResource[], family: IpFamily): WantedTable[] {
  const networks = resources.filter((resource) => resource.kind === 'network-rules').sort(byBridge);
  const ports = resources
    .filter((resource) => resource.kind === 'published-port')
    .filter((port) => port.family === family);
  const open = resources
    .filter((resource) => resource.kind === 'open-port')
    .filter(({ target }) => familyOf(target) === family);
  const hasOpen = open.length > 0 || networks.some((network) => waysToOpen(network, family).length > 0);
  // What is forbidden is so before anything is translated or accepted.
  return [
    rawTable(networks, family),
    {
      table: 'mangle',
      chains: new Map([
        [filterChain, filterRules(networks, family)],
        ...(hasOpen ? ([[openChain, openRules(open)]] as const) : []),
      ]),
      jumps: [{ from: 'FORWARD', rule: { target: { jump: filterChain } }, place: 'anywhere' }],
    },
    {
      table: 'nat',
      chains: new Map([
        [publishChain, publishRules(ports)],
        [masqueradeChain, masqueradeRules(networks, family)],
      ]),
      jumps: [
        {
          from: 'PREROUTING',
          // What comes over a wire for 127.0.0.1 is forged: it must not be translated before routing drops it.
          rule: { ...(family === 4 ? { notDestination: loopback } : {}), ...toPublished },
          place: 'anywhere',
        },
        {
          from: 'OUTPUT',
          // IPv6 has no route_localnet: what leaves from ::1 is lost, so it is better refused at once.
          rule: { ...(family === 6 ? { notDestination: parseSubnet('::1/128') } : {}), ...toPublished },
          place: 'anywhere',
        },
        { from: 'POSTROUTING', rule: { target: { jump: masqueradeChain } }, place: 'anywhere' },
      ],
    },
    {
      table: 'filter',
      chains: new Map([[forwardChain, acceptanceRules(networks.map(({ bridge }) => bridge))]]),
      jumps: [forwardJump],
    },
  ];
}

/** All tables of one family without anything of ours. */
export function emptyTables(family: IpFamily): WantedTable[] {
  return wantedTables([], family).map(({ table }) => ({ table, chains: new Map(), jumps: [] }));
}

const toPublished = { isForHost: true, target: { jump: publishChain } } as const;

/**
 * A bridge with route_localnet would let its containers reach services that listen on 127.0.0.1 only, and those that trust
 * who comes from there. A redirect from a container counts where the host forwards nothing, whatever is set on its
 * bridge. What comes in at a port itself was sent to a group address that bridges keep for themselves.
 */
function rawTable(networks: readonly NetworkRules[], family: IpFamily): WantedTable {
  const forged = [{ source: loopback }, { destination: loopback }, { isRedirect: true }] as const;
  const ofBridges =
    family === 6
      ? []
      : networks.flatMap(({ bridge, owner }) =>
          forged.map((match): Rule => ({ ...match, inInterface: bridge, comment: owner, target: 'DROP' })),
        );
  const atPorts: Rule = { inInterface: interfacesNamed(hostLinkPrefix as IfName), target: 'DROP' };
  return {
    table: 'raw',
    chains: new Map([[guardChain, networks.length === 0 ? [] : [...ofBridges, atPorts]]]),
    jumps: [{ from: 'PREROUTING', rule: { target: { jump: guardChain } }, place: 'anywhere' }],
  };
}

/** Ports of one host address before those of all, so that the specific one wins. */
function publishRules(ports: readonly PublishedPort[]): Rule[] {
  const [specific, any] = [
    ports.filter(({ hostIp }) => hostIp !== undefined),
    ports.filter(({ hostIp }) => hostIp === undefined),
  ];
  return [...specific, ...any].map(({ protocol, hostIp, hostPort, target, targetPort, owner }) => ({
    ...(hostIp === undefined ? {} : { destination: hostIp }),
    protocol,
    destinationPort: hostPort,
    comment: owner,
    target: { address: target, port: targetPort },
  }));
}

function masqueradeRules(networks: readonly NetworkRules[], family: IpFamily): Rule[] {
  return networks.flatMap(
    ({ bridge, subnets, masquerades, routed = [], hostSources: sources = [], owner }) => [
      ...(family === 4
        ? [{ source: loopback, outInterface: bridge, comment: owner, target: 'MASQUERADE' as const }]
        : []),
      ...subnets
        .filter((subnet) => familyOfRange(subnet) === family)
        .flatMap((subnet): Rule[] => [
          // A container that reaches its own network through a published port must get its answer from the host.
          { source: subnet, outInterface: bridge, connection: 'dnat', comment: owner, target: 'MASQUERADE' },
          ...(masquerades && !routed.includes(family)
            ? [
                {
                  source: subnet,
                  notOutInterface: bridge,
                  comment: owner,
                  target: leavingTarget(sources, family),
                },
              ]
            : []),
        ]),
    ],
  );
}

function leavingTarget(sources: readonly Ip[], family: IpFamily): Target {
  const source = sources.find((ip) => familyOf(ip) === family);
  return source === undefined ? 'MASQUERADE' : { source };
}

function openRules(ports: readonly OpenPort[]): Rule[] {
  return [
    ...ports.map(({ bridge, protocol, target, targetPort, owner }): Rule => ({
      destination: target,
      outInterface: bridge,
      protocol,
      destinationPort: targetPort,
      comment: owner,
      target: 'RETURN',
    })),
    { target: 'DROP' },
  ];
}

/** Who may ask for open ports of a network: everybody where it is routed, and those who come by trusted interfaces. */
function waysToOpen(network: NetworkRules, family: IpFamily): Rule[] {
  const { bridge, isInternal, routed = [], trustedInterfaces = [] } = network;
  if (isInternal) return [];
  const way = { outInterface: bridge, comment: networkComment(network), target: { goto: openChain } };
  return [
    ...(routed.includes(family) ? [way] : []),
    ...trustedInterfaces.map((inInterface) => ({ ...way, inInterface })),
  ];
}

function filterRules(networks: readonly NetworkRules[], family: IpFamily): Rule[] {
  const internal = networks.filter(({ isInternal }) => isInternal);
  const open = networks.filter(({ isInternal }) => !isInternal);
  return [
    ...rulesFor(networks, ({ bridge }) => ({ outInterface: bridge, connection: 'known', target: 'RETURN' })),
    ...rulesFor(networks, ({ bridge }) => ({ inInterface: bridge, connection: 'known', target: 'RETURN' })),
    ...rulesFor(
      networks.filter(({ allowsIcc }) => allowsIcc),
      ({ bridge }) => ({ inInterface: bridge, outInterface: bridge, target: 'RETURN' }),
    ),
    ...rulesFor(internal, ({ bridge }) => ({ outInterface: bridge, target: 'DROP' })),
    ...rulesFor(internal, ({ bridge }) => ({ inInterface: bridge, target: 'DROP' })),
    ...rulesFor(open, ({ bridge }) => ({ outInterface: bridge, connection: 'dnat', target: 'RETURN' })),
    ...rulesFor(
      open.filter(({ allowsIcc }) => !allowsIcc),
      ({ bridge }) => ({ inInterface: bridge, outInterface: bridge, target: 'DROP' }),
    ),
    ...rulesFor(
      open.filter(({ unprotected = [] }) => unprotected.includes(family)),
      ({ bridge }) => ({ outInterface: bridge, target: 'RETURN' }),
    ),
    ...rulesFor(
      open.filter(({ routed = [] }) => routed.includes(family)),
      ({ bridge }) => ({ outInterface: bridge, echoRequest: family, target: 'RETURN' }),
    ),
    ...open.flatMap((network) => waysToOpen(network, family)),
    ...rulesFor(open, ({ bridge }) => ({ outInterface: bridge, target: 'DROP' })),
  ];
}

function rulesFor(networks: readonly NetworkRules[], rule: (network: NetworkRules) => Rule): Rule[] {
  return networks.map((network) => ({ ...rule(network), comment: networkComment(network) }));
}

function byBridge(one: NetworkRules, other: NetworkRules): number {
  return one.bridge < other.bridge ? -1 : 1;
}
