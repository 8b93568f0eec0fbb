import type { BaseChain, SetElement, SetSchema, TableName } from '../../kernel/nft/index.ts';
import type { IfName } from '../../model/names.ts';
import { ipOnlyGroup, type NetworkRules } from '../../model/resource.ts';

/** The table that a flush of all rules leaves out. */
export const table: TableName = { family: 'inet', name: 'tsnet-guard' };

/** The same for frames between the ports of a bridge. */
export const frameTable: TableName = { family: 'bridge', name: 'tsnet-guard' };

/** The table that holds the drops from a flush until the firewall is whole, where there can be no guard. */
export const stopgapTable: TableName = { family: 'inet', name: 'tsnet-stopgap' };

/** Says to people who see that table what it is. */
export const stopgapComment = 'until tsnet has put its rules back';

/** Says to people who see the table why they can't remove it. */
export const comment = 'owned by the daemon of tsnet: goes when it stops';

type SetName =
  'bridges' | 'icc_bridges' | 'no_icc_bridges' | 'internal_bridges' | 'ways' | 'closed4' | 'closed6';

/** Names of bridges, in each of them one element for a network at most, but in `ways`. */
export const sets: { readonly [Name in SetName]: SetSchema<Name> } = {
  bridges: { name: 'bridges', key: ['ifname'] },
  icc_bridges: { name: 'icc_bridges', key: ['ifname', 'ifname'] },
  no_icc_bridges: { name: 'no_icc_bridges', key: ['ifname', 'ifname'] },
  internal_bridges: { name: 'internal_bridges', key: ['ifname'] },
  /** From a trusted interface into a bridge. Which ports are open is the firewall's business. */
  ways: { name: 'ways', key: ['ifname', 'ifname'] },
  /** Bridges that nothing new is routed into in a family: all but `routed` and `unprotected` ones. */
  closed4: { name: 'closed4', key: ['ifname'] },
  closed6: { name: 'closed6', key: ['ifname'] },
};

const known = { connection: 'established,related' } as const;
const translated = { connection: 'dnat' } as const;

/** NF_IP_PRI_RAW and NF_IP_PRI_FILTER. Source: `linux/netfilter_ipv4.h`. */
const priorities = { raw: -300, filter: 0 } as const;

/** The rules that forbid, without those that open a port: whatever the firewall lets pass, these do. */
export const chains: readonly BaseChain[] = [
  {
    name: 'loopback',
    hook: 'prerouting',
    priority: priorities.raw,
    rules: [
      {
        tests: [{ loopback: 'destination' }, { names: ['iifname'], set: sets.bridges }],
        verdict: 'drop',
      },
      { tests: [{ loopback: 'source' }, { names: ['iifname'], set: sets.bridges }], verdict: 'drop' },
    ],
  },
  {
    name: 'forward',
    hook: 'forward',
    priority: priorities.filter,
    rules: [
      { tests: [known], verdict: 'accept' },
      { tests: [{ names: ['iifname', 'oifname'], set: sets.icc_bridges }], verdict: 'accept' },
      { tests: [{ names: ['oifname'], set: sets.internal_bridges }], verdict: 'drop' },
      { tests: [{ names: ['iifname'], set: sets.internal_bridges }], verdict: 'drop' },
      { tests: [{ names: ['oifname'], set: sets.bridges }, translated], verdict: 'accept' },
      { tests: [{ names: ['iifname', 'oifname'], set: sets.no_icc_bridges }], verdict: 'drop' },
      { tests: [{ names: ['iifname', 'oifname'], set: sets.ways }], verdict: 'accept' },
      { tests: [{ family: 4 }, { names: ['oifname'], set: sets.closed4 }], verdict: 'drop' },
      { tests: [{ family: 6 }, { names: ['oifname'], set: sets.closed6 }], verdict: 'drop' },
    ],
  },
];

/** ETH_P_IP and ETH_P_IPV6. Source: `linux/if_ether.h`. */
const ipTypes = [0x0800, 0x86dd];

/** What the frame filter forbids, without knowing of any bridge. */
export const frameChains: readonly BaseChain[] = [
  {
    name: 'forward',
    hook: 'forward',
    priority: priorities.raw,
    rules: [{ tests: [{ inputGroup: ipOnlyGroup }, { otherThan: ipTypes }], verdict: 'drop' }],
  },
];

/** The elements of a network. */
export function elementsOf(network: NetworkRules): SetElement<SetName>[] {
  const { bridge, routed = [], unprotected = [], trustedInterfaces = [] } = network;
  const of = (set: SetSchema<SetName>) => ({ set, key: set.key.map((): IfName => bridge) });
  const open = new Set([...routed, ...unprotected]);
  return [
    of(sets.bridges),
    of(network.allowsIcc ? sets.icc_bridges : sets.no_icc_bridges),
    ...(network.isInternal ? [of(sets.internal_bridges)] : []),
    ...trustedInterfaces.map((name) => ({ set: sets.ways, key: [name, bridge] })),
    ...([4, 6] as const).filter((family) => !open.has(family)).map((family) => of(sets[`closed${family}`])),
  ];
}
