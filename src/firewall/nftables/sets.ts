import type { SetSchema } from '../../kernel/nft/index.ts';

/** The names of the sets and maps of table `inet tsnet`. */
export type SetName =
  | 'bridges'
  | 'icc_bridges'
  | 'internal_bridges'
  | 'masquerade_bridges'
  | 'subnets4'
  | 'subnets6'
  | 'publish4'
  | 'publish6'
  | 'publish4_any'
  | 'publish6_any';

/**
 * Everything in the table that changes while networks and ports come and go. The keys of networks end
 * with the name of their bridge, so that the elements of one never clash with those of another.
 */
export const sets: { readonly [Name in SetName]: SetSchema<Name> } = {
  /** Every bridge of ours. */
  bridges: { name: 'bridges', key: ['ifname'] },
  /** Bridge twice: from a bridge into itself, where containers may talk to each other. */
  icc_bridges: { name: 'icc_bridges', key: ['ifname', 'ifname'] },
  /** Bridges that nothing is forwarded into or out of. */
  internal_bridges: { name: 'internal_bridges', key: ['ifname'] },
  /** Bridges of networks whose connections leave with the host's address. */
  masquerade_bridges: { name: 'masquerade_bridges', key: ['ifname'] },
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
};

/** The sets that hold networks. */
export const networkSets = Object.values(sets).filter(({ data }) => data === undefined);

/** The maps that hold published ports. */
export const publishMaps = Object.values(sets).filter(({ data }) => data !== undefined);
