import type { Hook } from './packet.ts';
import type { Base, Chain, Rules, Table } from './rules.ts';

/** A chain that the kernel asks at a hook, with its table. */
export interface BaseChain {
  readonly table: Table;
  readonly chain: Chain & { readonly base: Base };
}

/** Which chains are to be asked. */
export interface Part {
  /** `nat`: those that translate; `filter`: all others. Default: all. */
  readonly type?: 'nat' | 'filter' | 'all';
  /** `bridge`: rules for frames that a bridge passes on. Default: `inet`, rules for packets of IPv4 and IPv6. */
  readonly family?: 'inet' | 'bridge';
}

/**
 * The base chains of a hook in the order in which the kernel asks them.
 *
 * Chains of type nat are all asked at one place, whatever their priorities are among others. Of equal ones the kernel
 * asks the one that was made last. Source: Linux nf_nat_core.c, nf_nat_register_fn; net/netfilter/core.c,
 * nf_hook_entries_grow. The legacy flavour tells no time; it counts as oldest.
 */
export function baseChainsOf(rules: Rules, hook: Hook, packetFamily: 4 | 6, part: Part): BaseChain[] {
  const families = part.family === 'bridge' ? ['bridge'] : ['inet', packetFamily === 4 ? 'ip' : 'ip6'];
  const wanted = part.type ?? 'all';
  const found: BaseChain[] = [];
  for (const table of rules.tables) {
    if (!families.includes(table.family)) continue;
    const own: BaseChain[] = [];
    for (const chain of table.chains.values()) {
      const { base } = chain;
      if (base?.hook !== hook) continue;
      if (wanted === 'all' || (wanted === 'nat') === (base.type === 'nat'))
        own.push({ table, chain: { ...chain, base } });
    }
    found.push(...own.toReversed());
  }
  return found.sort(
    (one, other) => placeOf(one) - placeOf(other) || byPriority(one, other) || byAge(one, other),
  );
}

/** Where chains of type nat are asked. Source: Linux nf_nat_proto.c, nf_nat_ipv4_ops. */
const natPlaces = { prerouting: -100, output: -100, input: 100, postrouting: 100, forward: 0 } as const;

function placeOf({ table, chain: { base } }: BaseChain): number {
  return base.type === 'nat' && table.family !== 'bridge' ? natPlaces[base.hook] : base.priority;
}

function byPriority(one: BaseChain, other: BaseChain): number {
  return one.chain.base.priority - other.chain.base.priority;
}

function byAge(one: BaseChain, other: BaseChain): number {
  return (other.table.handle ?? 0) - (one.table.handle ?? 0);
}
