import type { SetSchema } from '../../kernel/nft/index.ts';

/** The names of the sets and maps of table `inet tsnet`. */
export type SetName =
  | 'bridges'
  | 'icc_bridges'
  | 'no_icc_bridges'
  | 'internal_bridges'
  | 'masquerade_bridges'
  | 'antispoof_bridges'
  | 'routed_bridges4'
  | 'routed_bridges6'
  | 'unprotected_bridges4'
  | 'unprotected_bridges6'
  | 'trusted_interfaces'
  | 'source4'
  | 'source6'
  | 'subnets4'
  | 'subnets6'
  | 'publish4'
  | 'publish6'
  | 'publish4_any'
  | 'publish6_any'
  | 'open4'
  | 'open6';

/**
 * Everything in the table that changes while networks and ports come and go. The keys of networks end
 * with the name of their bridge, so that the elements of one never clash with those of another.
 */
export const sets: { readonly [Name in SetName]: SetSchema<Name> } = {
  /** Every bridge of ours. */
  bridges: { name: 'bridges', key: ['ifname'] },
  /** Bridge twice: from a bridge into itself, where containers may talk to each other. */
  icc_bridges: { name: 'icc_bridges', key: ['ifname', 'ifname'] },
  /** Bridge twice: from a bridge into itself, where they may not. */
  no_icc_bridges: { name: 'no_icc_bridges', key: ['ifname', 'ifname'] },
  /** Bridges that nothing is forwarded into or out of. */
  internal_bridges: { name: 'internal_bridges', key: ['ifname'] },
  /** Bridges of networks whose connections leave with the host's address. */
  masquerade_bridges: { name: 'masquerade_bridges', key: ['ifname'] },
  /** Bridges whose ports are guarded in table `bridge tsnet`; no rule asks for it. */
  antispoof_bridges: { name: 'antispoof_bridges', key: ['ifname'] },
  /** Bridges whose published ports answer at the container's own address, and which are not masqueraded. */
  routed_bridges4: { name: 'routed_bridges4', key: ['ifname'] },
  routed_bridges6: { name: 'routed_bridges6', key: ['ifname'] },
  /** Bridges whose every port answers at the container's own address. */
  unprotected_bridges4: { name: 'unprotected_bridges4', key: ['ifname'] },
  unprotected_bridges6: { name: 'unprotected_bridges6', key: ['ifname'] },
  /** From an interface into a bridge, where published ports answer at the container's own address. */
  trusted_interfaces: { name: 'trusted_interfaces', key: ['ifname', 'ifname'] },
  /** The address that connections from a bridge leave with, where the user chose one. */
  source4: { name: 'source4', key: ['ifname'], data: ['ipv4_addr'] },
  source6: { name: 'source6', key: ['ifname'], data: ['ipv6_addr'] },
  /** Subnet and bridge of every network. */
  subnets4: { name: 'subnets4', key: ['ipv4_addr', 'ifname'], hasIntervals: true },
  subnets6: { name: 'subnets6', key: ['ipv6_addr', 'ifname'], hasIntervals: true },
  /** Ports published on one address of the host. */
  publish4: {
    name: 'publish4',
    key: ['ipv4_addr', 'inet_proto', 'inet_service'],
    data: ['ipv4_addr', 'inet_service'],
  },
  publish6: {
    name: 'publish6',
    key: ['ipv6_addr', 'inet_proto', 'inet_service'],
    data: ['ipv6_addr', 'inet_service'],
  },
  /** Ports published on every address of the host. */
  publish4_any: {
    name: 'publish4_any',
    key: ['inet_proto', 'inet_service'],
    data: ['ipv4_addr', 'inet_service'],
  },
  publish6_any: {
    name: 'publish6_any',
    key: ['inet_proto', 'inet_service'],
    data: ['ipv6_addr', 'inet_service'],
  },
  /** Container ports that answer at the container's own address, with the bridge they are behind. */
  open4: { name: 'open4', key: ['ipv4_addr', 'inet_proto', 'inet_service', 'ifname'] },
  open6: { name: 'open6', key: ['ipv6_addr', 'inet_proto', 'inet_service', 'ifname'] },
};

const portNames: ReadonlySet<SetName> = new Set([
  'publish4',
  'publish6',
  'publish4_any',
  'publish6_any',
  'open4',
  'open6',
]);

/** The sets that hold ports; all others hold networks. */
export const portSets = Object.values(sets).filter(({ name }) => portNames.has(name));

/** The sets that hold networks. */
export const networkSets = Object.values(sets).filter(({ name }) => !portNames.has(name));

/** Those that packets are dropped by. */
export const dropSets: typeof networkSets = [sets.bridges, sets.no_icc_bridges, sets.internal_bridges];
