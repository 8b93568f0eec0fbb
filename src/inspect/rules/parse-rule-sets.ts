import type { RuleSets } from '../../observe/host/snapshot.ts';
import { parseIptablesTables } from './iptables/tables.ts';
import { parseNftTables } from './nft/tables.ts';
import type { Rules, Table } from './rules.ts';

/** Tables that iptables makes. Source: iptables(8). */
const iptablesTables: readonly string[] = ['raw', 'mangle', 'nat', 'filter', 'security'];

/**
 * Reads the rules of all authors. A table that both `nft` and `iptables-save` printed is the same table of the kernel;
 * the text of iptables-save says more of it and is taken. What is not understood is kept and met as unknown.
 */
export function parseRuleSets(ruleSets: RuleSets): Rules {
  const hasLegacy = ruleSets.iptables.some(({ flavour }) => flavour === 'legacy');
  const saved = ruleSets.iptables.flatMap((text) => {
    // Where both flavours are in use, the plain name may stand for either.
    const suffix = text.flavour === 'legacy' ? '-legacy' : hasLegacy ? '-nft' : '';
    return parseIptablesTables(text, `${text.family === 4 ? 'iptables' : 'ip6tables'}${suffix}`);
  });
  const translated = new Map(
    saved.filter(({ author }) => author === 'iptables-nft').map((table) => [keyOf(table), table]),
  );
  const native: Table[] = [];
  for (const table of parseNftTables(ruleSets.nft)) {
    const same = translated.get(keyOf(table));
    if (same === undefined) native.push(isOfIptables(table) ? { ...table, author: 'iptables-nft' } : table);
    else translated.set(keyOf(table), merge(same, table));
  }
  const legacy = saved.filter(({ author }) => author === 'iptables-legacy');
  return { tables: [...native, ...translated.values(), ...legacy] };
}

/** The text of iptables-save, which prints base chains that the kernel has not, with what only the other knows. */
function merge(saved: Table, listed: Table): Table {
  const chains = [...saved.chains].filter(
    ([name, { base, rules }]) => base === undefined || rules.length > 0 || listed.chains.has(name),
  );
  const { handle } = listed;
  return { ...saved, ...(handle === undefined ? {} : { handle }), chains: new Map(chains) };
}

function keyOf({ family, name }: Table): string {
  return `${family} ${name}`;
}

/** A table of iptables whose text is missing: it has the names that iptables gives. */
function isOfIptables({ family, name, chains }: Table): boolean {
  return (
    (family === 'ip' || family === 'ip6') &&
    iptablesTables.includes(name) &&
    [...chains.values()].every(({ name, base }) => base === undefined || name === base.hook.toUpperCase())
  );
}
