/** Numbers in the IP header, by every name that programs print. Source: IANA protocol numbers. */
const numbers: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  icmpv6: 58,
  'ipv6-icmp': 58,
  sctp: 132,
};

/** Protocol by name or number as its number; `undefined` for names that no packet of ours has. */
export function protocolNumber(name: string | number): number | undefined {
  if (typeof name === 'number') return name;
  return /^\d+$/.test(name) ? Number(name) : numbers[name];
}
