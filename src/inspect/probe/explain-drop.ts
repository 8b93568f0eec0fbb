/**
 * What a drop means, in one clause; undefined where the names have to speak for themselves.
 *
 * Source: Linux `include/net/dropreason-core.h`, and the functions that give the reasons.
 */
export function explainDrop({
  reason,
  location,
}: {
  readonly reason: string;
  readonly location: string;
}): string | undefined {
  if (reason === 'NETFILTER_DROP') {
    if (location.startsWith('nft_do_chain')) return 'a rule or policy of nftables or iptables-nft dropped it';
    if (location === 'nf_hook_slow') return 'a rule of iptables-legacy or connection tracking dropped it';
    return 'the firewall dropped it';
  }
  return reasons[reason];
}

const reasons: Readonly<Record<string, string>> = {
  NO_SOCKET: 'nobody listens there',
  SOCKET_FILTER: 'a filter of the socket dropped it',
  SOCKET_RCVBUFF: 'the receive buffer of the socket is full: its process does not read',
  TCP_LISTEN_OVERFLOW: 'the queue of the listening socket is full: its process does not accept',
  SOCKET_BACKLOG: 'the queue of the socket is full',
  OTHERHOST: 'it was for another hardware address',
  IP_RPFILTER: 'the reverse path filter (rp_filter) does not expect its source on that link',
  IP_INNOROUTES: 'there is no route for it',
  IP_OUTNOROUTES: 'there is no route for it',
  IP_INADDRERRORS: 'its address is not one that is served there, or forwarding is off',
  IP_LOCAL_SOURCE: 'its source is an address of the receiver itself',
  IP_LOCALNET: 'loopback addresses do not leave the host (route_localnet is off)',
  IP_INVALID_SOURCE: 'its source address can not be',
  IP_INVALID_DEST: 'its destination address can not be',
  IPV6DISABLED: 'IPv6 is off there',
  NEIGH_FAILED: 'nobody answers for its next address (ARP or neighbour discovery)',
  NEIGH_QUEUEFULL: 'nobody answers for its next address (ARP or neighbour discovery)',
  NEIGH_CREATEFAIL: 'the table of neighbours is full',
  PKT_TOO_BIG: 'it is larger than the MTU of the next link',
  BRIDGE_INGRESS_STP_STATE: 'the port of the bridge does not forward',
  DEV_READY: 'the link is down',
  XDP: 'an XDP program dropped it',
  TC_INGRESS: 'a filter of tc dropped it',
  TC_EGRESS: 'a filter of tc dropped it',
  BPF_CGROUP_EGRESS: 'a BPF program of the control group dropped it',
  SECURITY_HOOK: 'a security module refused it',
  QDISC_DROP: 'the queue of the link dropped it',
  XFRM_POLICY: 'an IPsec policy refused it',
};
