import { contains, familyOf, prefixOf, type Ip, type Protocol } from '../../model/index.ts';
import type { NetnsView } from '../../observe/host/snapshot.ts';
import { linkAt } from './lookup.ts';

/** A packet whose way out of a namespace is asked for. */
export interface RouteQuestion {
  readonly netns: NetnsView;
  readonly to: Ip;
  readonly from?: Ip;
  /** The link it came in by; absent for what is sent from here. */
  readonly inLink?: string;
  readonly mark?: number;
  readonly protocol?: Protocol;
}

/** Where a packet goes. */
export type RouteAnswer =
  | {
      readonly kind: 'forward' | 'local';
      readonly link: string;
      readonly gateway?: Ip;
      /** As ip-route(8) writes the entry that decided, where it is known. */
      readonly entry: string;
      /** The prefix that decided: a subnet or `default`; absent in the kernel's own answers. */
      readonly prefix?: string;
      readonly source?: Ip;
    }
  /** `reverse-path`: the kernel refuses a source that it would answer by another link. */
  | { readonly kind: 'none'; readonly why: 'unreachable' | 'prohibited' | 'reverse-path' };

/** Asks for a route: the kernel itself where it can be asked, else the tables that were read. */
export type AskRoute = (question: RouteQuestion) => Promise<RouteAnswer>;

type Route = NetnsView['routes'][number];

const namedTables: Readonly<Record<number, string>> = { 255: 'local', 254: 'main', 253: 'default' };

/**
 * What the tables of a namespace say: policy rules in their order, then the longest prefix, then the lowest metric.
 * Rules that ask for ports or users are not known and thus passed over.
 *
 * Source: ip-rule(8), ip-route(8).
 */
export function routeFromTables(question: RouteQuestion): RouteAnswer {
  const { netns, to } = question;
  const family = familyOf(to);
  const rules = netns.policyRules.filter((rule) => rule.family === family);
  for (const rule of rules.toSorted((one, other) => one.priority - other.priority)) {
    if (!isMeant(rule, question)) continue;
    if (rule.action === 'unreachable' || rule.action === 'blackhole')
      return { kind: 'none', why: 'unreachable' };
    if (rule.action === 'prohibit') return { kind: 'none', why: 'prohibited' };
    if (rule.action !== 'table') continue;
    const route = bestIn(question, rule.table ?? 254);
    const suppressed = rule.suppressPrefixLength ?? -1;
    if (route === undefined || lengthOf(route) <= suppressed) continue;
    if (route.type === 'throw') continue;
    return answerOf(netns, route);
  }
  return { kind: 'none', why: 'unreachable' };
}

/** A route as ip-route(8) writes it. */
export function formatRoute(netns: NetnsView, route: Route): string {
  const [hop] = route.nextHops;
  const via = hop?.gateway === undefined ? '' : ` via ${hop.gateway}`;
  const link = linkAt(netns, hop?.linkIndex)?.name;
  const kind = route.type === 'unicast' ? '' : `${route.type} `;
  const table = route.table === 254 ? '' : ` table ${namedTables[route.table] ?? route.table}`;
  return `${kind}${route.destination ?? 'default'}${via}${link === undefined ? '' : ` dev ${link}`}${table}`;
}

function bestIn({ netns, to }: RouteQuestion, table: number): Route | undefined {
  const family = familyOf(to);
  return netns.routes
    .filter(
      (route) =>
        route.family === family &&
        route.table === table &&
        (route.destination === undefined || contains(route.destination, to)) &&
        isUsable(netns, route),
    )
    .toSorted((one, other) => lengthOf(other) - lengthOf(one) || (one.metric ?? 0) - (other.metric ?? 0))[0];
}

/** A link that is down has no routes; the kernel removes them, but a snapshot is not taken in one moment. */
function isUsable(netns: NetnsView, route: Route): boolean {
  const [hop] = route.nextHops;
  return hop?.linkIndex === undefined || linkAt(netns, hop.linkIndex)?.isUp !== false;
}

function lengthOf(route: Route): number {
  return route.destination === undefined ? 0 : prefixOf(route.destination);
}

function answerOf(netns: NetnsView, route: Route): RouteAnswer {
  if (route.type === 'prohibit') return { kind: 'none', why: 'prohibited' };
  const link = linkAt(netns, route.nextHops[0]?.linkIndex)?.name;
  const isLocal = route.type === 'local' || route.type === 'broadcast' || route.type === 'anycast';
  if (link === undefined || (route.type !== 'unicast' && !isLocal))
    return { kind: 'none', why: 'unreachable' };
  const gateway = route.nextHops[0]?.gateway;
  return {
    kind: isLocal ? 'local' : 'forward',
    link,
    ...(gateway === undefined ? {} : { gateway }),
    entry: formatRoute(netns, route),
    prefix: route.destination ?? 'default',
    ...(route.source === undefined ? {} : { source: route.source }),
  };
}

function isMeant(rule: NetnsView['policyRules'][number], { to, from, inLink, mark }: RouteQuestion): boolean {
  const matches =
    (rule.to === undefined || contains(rule.to, to)) &&
    (rule.from === undefined || (from !== undefined && contains(rule.from, from))) &&
    (rule.mark === undefined || ((mark ?? 0) & (rule.markMask ?? 0xffff_ffff)) === rule.mark) &&
    // What is sent from here counts as having come in by the loopback link.
    (rule.inputLink === undefined || rule.inputLink === (inLink ?? 'lo')) &&
    rule.outputLink === undefined;
  return matches !== (rule.isInverted === true);
}

/** All routes whose prefix holds an address, the longest first; default routes are left out. */
export function prefixesTo(netns: NetnsView, to: Ip): Route[] {
  return netns.routes
    .filter(
      ({ destination, family, type }) =>
        type === 'unicast' &&
        family === familyOf(to) &&
        destination !== undefined &&
        contains(destination, to),
    )
    .toSorted((one, other) => lengthOf(other) - lengthOf(one));
}
