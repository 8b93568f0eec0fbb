import type { Attributes } from './attributes.ts';
import type { NetlinkConnection } from './connection.ts';
import { attributesOfLink } from './link.ts';
import { getLinkMessage } from './link-messages.ts';
import { mostLinksInRequest } from './links.ts';

/** Settings of one link by the name that they have below `/proc/sys/net`, such as `ipv4/forwarding`. */
export type LinkSettings = Readonly<Record<string, string>>;

/** IFLA_AF_SPEC, and inside it IFLA_INET_CONF or IFLA_INET6_CONF of each family. Source: `linux/if_link.h`. */
const attribute = { perFamily: 26, ipv4: 2, ipv4Values: 1, ipv6: 10, ipv6Values: 2 } as const;

type Names = readonly (readonly [position: number, name: string])[];

/** Positions in the arrays, IPV4_DEVCONF_* less 1 and DEVCONF_*. Source: `linux/ip.h`, `linux/ipv6.h`. */
interface NamesOfFamilies {
  readonly ipv4: Names;
  readonly ipv6: Names;
}

/** What decides on forwarding and filtering. */
const ofAnyLink: NamesOfFamilies = {
  ipv4: [
    [0, 'forwarding'],
    [2, 'proxy_arp'],
    [7, 'rp_filter'],
    [22, 'accept_local'],
    [25, 'route_localnet'],
  ],
  ipv6: [
    [0, 'forwarding'],
    [3, 'accept_ra'],
    [26, 'disable_ipv6'],
  ],
};

/** What a bridge of ours needs and what protects the host from it. */
const ofOurBridges: NamesOfFamilies = {
  ipv4: [
    [3, 'accept_redirects'],
    [25, 'route_localnet'],
  ],
  ipv6: [
    [3, 'accept_ra'],
    [4, 'accept_redirects'],
    [5, 'autoconf'],
    [26, 'disable_ipv6'],
    [27, 'accept_dad'],
  ],
};

/** The settings of links that tsnet decides on, by link; links that are not there are absent. */
export function readLinkSettings(
  connection: NetlinkConnection,
  links: readonly string[],
): Map<string, LinkSettings> {
  const found = new Map<string, LinkSettings>();
  for (let start = 0; start < links.length; start += mostLinksInRequest) {
    const part = links.slice(start, start + mostLinksInRequest);
    for (const [index, { replies }] of connection.requestNow(part.map(getLinkMessage)).entries()) {
      const [reply] = replies;
      const link = part[index];
      if (reply === undefined || link === undefined) continue;
      found.set(link, decodeLinkSettings(attributesOfLink(reply.body), ofOurBridges));
    }
  }
  return found;
}

/**
 * Reads the settings among the attributes of a link, which cost nothing there: a file each below `/proc/sys` costs 80 µs in
 * a foreign namespace. Families that a link lacks are absent.
 *
 * @throws kernel when it is malformed
 */
export function decodeLinkSettings(attributes: Attributes, names = ofAnyLink): LinkSettings {
  const perFamily = attributes.nested(attribute.perFamily);
  const ipv4 = perFamily?.nested(attribute.ipv4)?.bytes(attribute.ipv4Values);
  const ipv6 = perFamily?.nested(attribute.ipv6)?.bytes(attribute.ipv6Values);
  return Object.fromEntries([...valuesOf('ipv4', names.ipv4, ipv4), ...valuesOf('ipv6', names.ipv6, ipv6)]);
}

function valuesOf(family: string, names: Names, values: Buffer | undefined): [string, string][] {
  return names.flatMap(([position, name]) =>
    values === undefined || values.length < 4 * (position + 1)
      ? []
      : [[`${family}/${name}`, String(values.readInt32LE(4 * position))]],
  );
}
