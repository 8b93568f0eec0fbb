import { createHash } from 'node:crypto';
import type { SetSchema } from '../../kernel/nft/index.ts';
import { ipToNumber, type Ip } from '../../model/ip.ts';
import { ipOnlyGroup } from '../../model/resource.ts';
import type { Element } from './elements.ts';

/** The table of family `bridge` that holds the guards and frame filters. */
export const table = 'tsnet';

/** The names of its sets. */
export type GuardSetName = 'ports' | 'macs' | 'sources4' | 'sources6' | 'targets6' | 'ip_only';

/** Everything in it that changes while networks and containers come and go. Every key begins with the port or bridge. */
export const guardSets: { readonly [Name in GuardSetName]: SetSchema<Name> } = {
  /** Ports that are guarded; all others of a bridge are not ours. */
  ports: { name: 'ports', key: ['ifname'] },
  /** The hardware address of the container behind a port. */
  macs: { name: 'macs', key: ['ifname', 'ether_addr'] },
  /** Its addresses. */
  sources4: { name: 'sources4', key: ['ifname', 'ipv4_addr'] },
  sources6: { name: 'sources6', key: ['ifname', 'ipv6_addr'] },
  /** `sources6` again, for a field of neighbour discovery that nft(8) knows by name from 1.0.7 on only. */
  targets6: { name: 'targets6', key: ['ifname', 'ipv6_addr'] },
  /** Bridges between whose ports nothing but IPv4 and IPv6 passes: a note, as the rule goes by the group of the port. */
  ip_only: { name: 'ip_only', key: ['ifname'] },
};

/** The target address in neighbour solicitations and advertisements. Source: RFC 4861, sections 4.3 and 4.4. */
const target = '@th,64,128';

/**
 * The chains and rules, the same for any number of containers. A frame passes them before the bridge learns its source.
 *
 * A node that tries an address out (RFC 5227 probes, RFC 4862 duplicate address detection) names it with no source of its
 * own: to try out a neighbour's would make that neighbour give it up.
 */
const chains = `
  chain check_arp {
    arp htype != 1 drop
    iifname . arp saddr ether != @macs drop
    arp operation request arp saddr ip 0.0.0.0 iifname . arp daddr ip @sources4 accept
    iifname . arp saddr ip != @sources4 drop
  }

  # A member of a group may tell so before it has an address.
  chain check_ip4 {
    ip saddr 0.0.0.0 ip protocol igmp accept
    iifname . ip saddr != @sources4 drop
  }

  # Nobody guarded is a router.
  chain check_ip6 {
    icmpv6 type { nd-router-advert, nd-redirect } drop
    icmpv6 type nd-neighbor-advert iifname . ${target} != @targets6 drop
    ip6 saddr :: icmpv6 type nd-neighbor-solicit iifname . ${target} @targets6 accept
    ip6 saddr :: icmpv6 type { nd-router-solicit, mld-listener-report, mld2-listener-report } accept
    iifname . ip6 saddr != @sources6 drop
  }

  # Tagged frames and protocols without addresses that could be checked pass no guard.
  chain check {
    iifname . ether saddr != @macs drop
    ether type vmap { arp : goto check_arp, ip : goto check_ip4, ip6 : goto check_ip6 }
    drop
  }

  chain guard {
    type filter hook prerouting priority -300; policy accept;
    iifname @ports goto check
  }

  # Frames for the bridge's own group addresses come here only, and it learns their source.
  chain guard_groups {
    type filter hook input priority -300; policy accept;
    iifname @ports iifname . ether saddr != @macs drop
  }

  # The firewall for IP sees bridged packets with br_netfilter; ARP, tagged frames and all other protocols pass it by.
  # The group of a port stands for its bridge, which only kernels with nft_meta_bridge could be asked for.
  chain forward {
    type filter hook forward priority -300; policy accept;
    iifgroup ${ipOnlyGroup} ether type != { ip, ip6 } drop
  }
`;

const setLines = [
  'set ports { type ifname; }',
  'set macs { type ifname . ether_addr; }',
  'set sources4 { type ifname . ipv4_addr; }',
  'set sources6 { type ifname . ipv6_addr; }',
  `set targets6 { typeof iifname . ${target}; }`,
  'set ip_only { type ifname; }',
];

/** The number of rules in the chains. */
export const numberOfRules = chains
  .split('\n')
  .filter((line) => !/^(?:#.*|chain .*|type .*|\}|)$/.test(line.trim())).length;

/** The comment of a table whose structure is current. */
export const tableComment = `tsnet guards ${createHash('sha256')
  .update(setLines.join('\n') + chains)
  .digest('hex')
  .slice(0, 16)}`;

/** Input of `nft -f` that makes the table, in place of one that may exist, in one transaction. */
export function formatTable(elements: readonly Element[] = []): string {
  return [
    `add table bridge ${table}`,
    `delete table bridge ${table}`,
    `table bridge ${table} {`,
    `  comment "${tableComment}"`,
    '',
    ...setLines.map((line) => `  ${line}`),
    '',
    chains.trim().replace(/^/, '  '),
    '}',
    ...elements.map(({ set, key, comment = '' }) => {
      const [port = '', ...rest] = key;
      const fields = set === guardSets.targets6 ? rest.map((ip) => hexadecimal(ip as Ip)) : rest;
      return `add element bridge ${table} ${set.name} { ${[`"${port}"`, ...fields].join(' . ')} comment "${comment}" }`;
    }),
    '',
  ].join('\n');
}

/** nft(8) takes a field without a name for a number. */
function hexadecimal(ip: Ip): string {
  return `0x${ipToNumber(ip).toString(16).padStart(32, '0')}`;
}
