import { availableFamilies, readLegacyTables, saveTables } from '../../kernel/iptables/index.ts';
import { readRuleSet } from '../../kernel/nft/index.ts';
import { TsnetError } from '../../model/index.ts';
import type { Gaps } from './gaps.ts';
import type { OpenNetns } from './open-netns.ts';
import type { RuleSets } from './snapshot.ts';

/** Tables that iptables makes in nftables, in families `ip` and `ip6`. Source: iptables-nft(8). */
const iptablesTables: ReadonlySet<unknown> = new Set(['filter', 'nat', 'mangle', 'raw', 'security']);

/** The rules of a namespace. Reading puts no table into use. */
export async function readRules({ id, path }: OpenNetns, gaps: Gaps): Promise<RuleSets> {
  const place = path === undefined ? {} : { netns: path };
  const nft = await readNft(id, path, gaps);
  const families = availableFamilies();
  const iptables = families.flatMap((family) => {
    const inNft = hasIptablesTables(nft, family === 4 ? 'ip' : 'ip6')
      ? [{ flavour: 'nft' as const, family }]
      : [];
    const inLegacy = legacyTables(family).length > 0 ? [{ flavour: 'legacy' as const, family }] : [];
    return [...inNft, ...inLegacy];
  });
  function legacyTables(family: 4 | 6): string[] {
    try {
      return readLegacyTables(family, path);
    } catch (error) {
      if (!(error instanceof TsnetError)) throw error;
      gaps.add(`${id} iptables-legacy IPv${family}`, error.message);
      return [];
    }
  }
  const saved = await Promise.all(
    iptables.map(async ({ flavour, family }) => {
      const what = `${id} iptables-${flavour} IPv${family}`;
      const text = await gaps.around(what, () => saveTables(flavour, family, place), undefined);
      return text === undefined ? [] : [{ flavour, family, text }];
    }),
  );
  return { ...(nft === undefined ? {} : { nft }), iptables: saved.flat() };
}

async function readNft(id: string, path: string | undefined, gaps: Gaps): Promise<unknown> {
  return await gaps.around(`${id} nftables`, () => readRuleSet(path), undefined);
}

/** Whether iptables keeps rules there: one that does not is not asked. */
function hasIptablesTables(nft: unknown, family: string): boolean {
  const objects = (nft as { readonly nftables?: readonly unknown[] } | undefined)?.nftables ?? [];
  return objects.some((object) => {
    const table = (object as { readonly table?: { readonly family?: unknown; readonly name?: unknown } })
      .table;
    return table?.family === family && iptablesTables.has(table.name);
  });
}
