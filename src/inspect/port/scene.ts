import { contains, type Ip, type IpFamily } from '../../model/index.ts';
import type { LinkView, NetnsView } from '../../observe/host/snapshot.ts';
import type { Inspection } from '../inspection.ts';
import { parseRuleSets } from '../rules/parse-rule-sets.ts';
import type { Rules } from '../rules/rules.ts';
import { hostOf, ipsOf, linkAt, ownAddress, subnetsOf } from './lookup.ts';
import { type AskRoute, routeFromTables } from './routing.ts';

/** What all questions of one port are answered from. */
export interface Scene {
  readonly inspection: Inspection;
  readonly host: NetnsView;
  readonly askRoute: AskRoute;
  /** The rules in a namespace; undefined where they were not read. */
  readonly rulesOf: (netns: NetnsView) => Rules | undefined;
}

/** @param askRoute default: the tables that were read */
export function sceneOf(inspection: Inspection, askRoute?: AskRoute): Scene {
  const known = new Map<NetnsView, Rules | undefined>();
  return {
    inspection,
    host: hostOf(inspection),
    askRoute: askRoute ?? ((question) => Promise.resolve(routeFromTables(question))),
    rulesOf: (netns) => {
      if (!known.has(netns)) known.set(netns, readRules(inspection, netns));
      return known.get(netns);
    },
  };
}

/** What could be read of nothing is no firewall without rules. */
function readRules({ snapshot }: Inspection, { id, ruleSets }: NetnsView): Rules | undefined {
  if (ruleSets === undefined) return undefined;
  const isUnread = snapshot.gaps.some(({ what }) => what === `${id} nftables`);
  return isUnread && ruleSets.iptables.length === 0 ? undefined : parseRuleSets(ruleSets);
}

/** A setting below `/proc/sys/net`; undefined where it was not read. */
export function sysctl(netns: NetnsView, path: string): string | undefined {
  return netns.sysctls[path];
}

/** Whether a namespace hands on packets; undefined where it was not read. */
export function forwards(netns: NetnsView, family: IpFamily): boolean | undefined {
  const value = sysctl(netns, family === 4 ? 'ipv4/ip_forward' : 'ipv6/conf/all/forwarding');
  return value === undefined ? undefined : value !== '0';
}

/** How a setting that exists for each link and for all counts: the higher one. Source: Linux ip-sysctl.rst. */
export function effective(netns: NetnsView, link: string, setting: string): number | undefined {
  const values = ['all', link].map((name) => sysctl(netns, `ipv4/conf/${name}/${setting}`));
  const known = values.flatMap((value) => (value === undefined ? [] : Number(value)));
  return known.length === 0 ? undefined : Math.max(...known);
}

/** The link of the host that leads to other machines, and one of them. */
export interface Uplink {
  readonly link: LinkView;
  readonly ip: Ip;
  readonly client: Ip;
}

/** The link of the default route; else one that is no bridge and holds an address. */
export function findUplink(host: NetnsView, family: IpFamily): Uplink | undefined {
  const defaults = host.routes.filter(
    (route) => route.family === family && route.destination === undefined && route.table === 254,
  );
  const [first] = defaults.toSorted((one, other) => (one.metric ?? 0) - (other.metric ?? 0));
  const link =
    linkAt(host, first?.nextHops[0]?.linkIndex) ??
    host.links.find(
      (each) =>
        each.isUp &&
        each.name !== 'lo' &&
        each.kind !== 'bridge' &&
        each.masterIndex === undefined &&
        ownAddress(host, each, family) !== undefined,
    );
  const ip = link && ownAddress(host, link, family);
  if (link === undefined || ip === undefined) return undefined;
  return { link, ip, client: neighbourOf(host, link, family) ?? outsiderOf(family) };
}

/** A machine that is known on a link: a neighbour, or a gateway. */
function neighbourOf(host: NetnsView, link: LinkView, family: IpFamily): Ip | undefined {
  const subnets = subnetsOf(host, link);
  const gateways = host.routes.flatMap(({ nextHops }) =>
    nextHops.flatMap((hop) => (hop.linkIndex === link.index ? (hop.gateway ?? []) : [])),
  );
  const neighbours = host.neighbours.flatMap((each) => (each.linkIndex === link.index ? each.ip : []));
  return [...gateways, ...neighbours].find(
    (ip) =>
      ip.includes(':') === (family === 6) &&
      !ip.startsWith('fe80:') &&
      !ip.startsWith('ff') &&
      subnets.some((subnet) => contains(subnet, ip)),
  );
}

/** A documentation address stands for a machine of which nothing is known. Source: RFC 5737, RFC 3849. */
function outsiderOf(family: IpFamily): Ip {
  return (family === 4 ? '203.0.113.1' : '2001:db8:ffff::1') as Ip;
}

/** The addresses of the host itself, loopback included. */
export function localAddresses(host: NetnsView): Ip[] {
  return ipsOf(host);
}
