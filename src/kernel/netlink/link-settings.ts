import type { Attributes } from './attributes.ts';

/** Settings of one link by the name that they have below `/proc/sys/net`, such as `ipv4/forwarding`. */
export type LinkSettings = Readonly<Record<string, string>>;

/** IFLA_AF_SPEC, and inside it IFLA_INET_CONF or IFLA_INET6_CONF of each family. Source: `linux/if_link.h`. */
const attribute = { perFamily: 26, ipv4: 2, ipv4Values: 1, ipv6: 10, ipv6Values: 2 } as const;

/** Positions in the array, IPV4_DEVCONF_* less 1. Source: `linux/ip.h`. */
const ipv4Names: readonly (readonly [position: number, name: string])[] = [
  [0, 'forwarding'],
  [2, 'proxy_arp'],
  [7, 'rp_filter'],
  [22, 'accept_local'],
  [25, 'route_localnet'],
];

/** Positions in the array, DEVCONF_*. Source: `linux/ipv6.h`. */
const ipv6Names: readonly (readonly [position: number, name: string])[] = [
  [0, 'forwarding'],
  [3, 'accept_ra'],
  [26, 'disable_ipv6'],
];

/**
 * Reads the settings among the attributes of a link, which cost nothing there: a file each below `/proc/sys` costs 80 µs in
 * a foreign namespace. Families that a link lacks are absent.
 *
 * @throws kernel when it is malformed
 */
export function decodeLinkSettings(attributes: Attributes): LinkSettings {
  const perFamily = attributes.nested(attribute.perFamily);
  const ipv4 = perFamily?.nested(attribute.ipv4)?.bytes(attribute.ipv4Values);
  const ipv6 = perFamily?.nested(attribute.ipv6)?.bytes(attribute.ipv6Values);
  return Object.fromEntries([...valuesOf('ipv4', ipv4Names, ipv4), ...valuesOf('ipv6', ipv6Names, ipv6)]);
}

function valuesOf(
  family: string,
  names: readonly (readonly [position: number, name: string])[],
  values: Buffer | undefined,
): [string, string][] {
  return names.flatMap(([position, name]) =>
    values === undefined || values.length < 4 * (position + 1)
      ? []
      : [[`${family}/${name}`, String(values.readInt32LE(4 * position))]],
  );
}
