import { createHash } from 'node:crypto';
import { formatElement, type SetElement } from '../../kernel/nft/index.ts';
import { hostLinkPrefix } from '../../model/resource.ts';
import { sets, type SetName } from './sets.ts';

/** The table that holds everything of ours. */
export const table = 'tsnet';

/**
 * The chains and rules, the same for any number of networks, endpoints and ports. Of a new connection each costs one
 * hash lookup or, in the sets with subnets, one lookup whose cost does not grow with the number of networks.
 */
const chains = `
  # A bridge with route_localnet would let its containers reach services that listen on 127.0.0.1 only, and those that
  # trust who comes from there. A redirect from a container counts where the host forwards nothing, whatever is set on
  # its bridge. What comes in at a port itself was sent to a group address that bridges keep for themselves.
  chain guard_loopback {
    type filter hook prerouting priority raw; policy accept;
    ip saddr 127.0.0.0/8 iifname @bridges drop
    ip daddr 127.0.0.0/8 iifname @bridges drop
    icmp type redirect iifname @bridges drop
    iifname "${hostLinkPrefix}*" drop
  }

  # A packet for 127.0.0.1 that comes over a wire is forged: it must not be translated before routing drops it.
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr 127.0.0.0/8 return
    fib daddr type local jump publish
  }

  # IPv6 has no route_localnet: what leaves from ::1 is lost, so it is better refused at once.
  chain output {
    type nat hook output priority -100; policy accept;
    ip6 daddr ::1 return
    fib daddr type local jump publish
  }

  chain publish {
    dnat ip to ip daddr . meta l4proto . th dport map @publish4
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @publish6
    meta nfproto ipv4 dnat ip to meta l4proto . th dport map @publish4_any
    meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @publish6_any
  }

  # Source and outgoing bridge tell a connection that a container makes to its own network through a published port.
  # Its incoming interface can't be asked: it is unset for bridged frames when br_netfilter is on.
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ct status dnat ip saddr . oifname @subnets4 masquerade
    ct status dnat ip6 saddr . oifname @subnets6 masquerade
    ip saddr 127.0.0.0/8 oifname @bridges masquerade
    ip saddr . oifname @subnets4 return
    ip6 saddr . oifname @subnets6 return
    meta nfproto ipv4 iifname @routed_bridges4 return
    meta nfproto ipv6 iifname @routed_bridges6 return
    ip saddr . iifname @subnets4 snat ip to iifname map @source4
    ip6 saddr . iifname @subnets6 snat ip6 to iifname map @source6
    ip saddr . iifname @subnets4 iifname @masquerade_bridges masquerade
    ip6 saddr . iifname @subnets6 iifname @masquerade_bridges masquerade
  }

  # Accepting ends this chain only; dropping is final. Bridged frames come here when br_netfilter is on.
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
    iifname . oifname @icc_bridges accept
    oifname @internal_bridges drop
    iifname @internal_bridges drop
    oifname @bridges ct status dnat accept
    iifname . oifname @no_icc_bridges drop
    meta nfproto ipv4 oifname @unprotected_bridges4 accept
    meta nfproto ipv6 oifname @unprotected_bridges6 accept
    oifname @routed_bridges4 icmp type echo-request accept
    oifname @routed_bridges6 icmpv6 type echo-request accept
    oifname @routed_bridges4 ip daddr . meta l4proto . th dport . oifname @open4 accept
    oifname @routed_bridges6 ip6 daddr . meta l4proto . th dport . oifname @open6 accept
    iifname . oifname @trusted_interfaces ip daddr . meta l4proto . th dport . oifname @open4 accept
    iifname . oifname @trusted_interfaces ip6 daddr . meta l4proto . th dport . oifname @open6 accept
    oifname @bridges drop
  }
`;

/** The number of rules in the chains. */
export const numberOfRules = countRules(chains);

/** Identifies the structure; written into the table's comment. */
export const structureDigest = createHash('sha256')
  .update(Object.values(sets).map(formatSet).join('') + chains)
  .digest('hex')
  .slice(0, 16);

/** The comment of a table whose structure is current. */
export const tableComment = `tsnet structure ${structureDigest}`;

/** Input of `nft -f` that makes the table, in place of one that may exist, in one transaction. */
export function formatTable(elements: readonly SetElement<SetName>[] = []): string {
  return [
    `add table inet ${table}`,
    `delete table inet ${table}`,
    `table inet ${table} {`,
    `  comment "${tableComment}"`,
    '',
    ...Object.values(sets).map(formatSet),
    '',
    chains.trim().replace(/^/, '  '),
    '}',
    ...elements.map(
      (element) => `add element inet ${table} ${element.set.name} { ${formatElement(element)} }`,
    ),
    '',
  ].join('\n');
}

function formatSet({ name, key, data, hasIntervals }: (typeof sets)[SetName]): string {
  const type = data === undefined ? key.join(' . ') : `${key.join(' . ')} : ${data.join(' . ')}`;
  const flags = hasIntervals === true ? ' flags interval;' : '';
  return `  ${data === undefined ? 'set' : 'map'} ${name} { type ${type};${flags} }`;
}

function countRules(text: string): number {
  const noRule = /^(?:#.*|chain .*|type .*|\}|)$/;
  return text.split('\n').filter((line) => !noRule.test(line.trim())).length;
}
