import { closeSync } from 'node:fs';
import {
  availableFamilies,
  legacyTablesFolder,
  legacyTablesIn,
  readLegacyTables,
  saveTables,
} from '../../kernel/iptables/index.ts';
import { askNamespaces, type AskedNetns } from '../../kernel/netlink/index.ts';
import { readRuleSet, tablesIn, tablesQuestion } from '../../kernel/nft/index.ts';
import { TsnetError, type IpFamily } from '../../model/index.ts';
import type { Gaps } from './gaps.ts';
import { inParts, mapBounded } from './map-bounded.ts';
import type { OpenNetns } from './open-netns.ts';
import type { RuleSets } from './snapshot.ts';

/** Tables that iptables makes in nftables, in families `ip` and `ip6`. Source: iptables-nft(8). */
const iptablesTables: ReadonlySet<unknown> = new Set(['filter', 'nat', 'mangle', 'raw', 'security']);

/** Namespaces that are asked at once, and those in which programs run at the same time. */
const partLength = 512;
const width = 2;

/**
 * The rules of namespaces. Reading puts no table into use, and where the kernel says that there is nothing no program is
 * started.
 */
export async function readRules(
  namespaces: readonly OpenNetns[],
  gaps: Gaps,
): Promise<Map<OpenNetns, RuleSets>> {
  const found = new Map<OpenNetns, RuleSets>();
  for (const part of inParts(namespaces, partLength)) {
    const asked = await ask(part);
    await mapBounded([...part.entries()], width, async ([index, netns]) => {
      found.set(netns, await readThere(netns, asked[index], gaps));
    });
  }
  return found;
}

/** Nothing where there can't be a thread. */
async function ask(namespaces: readonly OpenNetns[]): Promise<readonly AskedNetns[]> {
  const doors = namespaces.map(({ descriptor }) => `/proc/self/fd/${descriptor}`);
  try {
    const asked = await askNamespaces(doors, [tablesQuestion], [legacyTablesFolder]);
    for (const { descriptor } of asked) if (descriptor !== undefined) closeSync(descriptor);
    return asked;
  } catch (error) {
    if (error instanceof TsnetError) return [];
    throw error;
  }
}

async function readThere(
  { id, path }: OpenNetns,
  asked: AskedNetns | undefined,
  gaps: Gaps,
): Promise<RuleSets> {
  const place = path === undefined ? {} : { netns: path };
  const told = asked?.answers === undefined ? undefined : tablesIn(asked.answers);
  const reading =
    told?.length === 0 ? { nftables: [] } : gaps.around(`${id} nftables`, () => readRuleSet(path), undefined);
  // What the kernel does not tell has to be waited for.
  const tables = told ?? tablesOf(await reading);
  const saved = availableFamilies().flatMap((family) => {
    const isInNft = tables.some((one) => one.family === families[family] && iptablesTables.has(one.name));
    const isInLegacy = legacyTables(family).length > 0;
    return [...(isInNft ? ['nft' as const] : []), ...(isInLegacy ? ['legacy' as const] : [])].map(
      async (flavour) => {
        const what = `${id} iptables-${flavour} IPv${family}`;
        const text = await gaps.around(what, () => saveTables(flavour, family, place), undefined);
        return text === undefined ? [] : [{ flavour, family, text }];
      },
    );
  });
  function legacyTables(family: IpFamily): string[] {
    const known = asked === undefined ? undefined : legacyTablesIn(family, asked.files);
    if (known !== undefined) return known;
    try {
      return readLegacyTables(family, path);
    } catch (error) {
      if (!(error instanceof TsnetError)) throw error;
      gaps.add(`${id} iptables-legacy IPv${family}`, error.message);
      return [];
    }
  }
  const [nft, ...iptables] = await Promise.all([reading, ...saved]);
  return { ...(nft === undefined ? {} : { nft }), iptables: iptables.flat() };
}

/** The families of nftables in which iptables keeps its tables. */
const families = { 4: 'ip', 6: 'ip6' } as const;

/** The tables in what nft(8) prints. */
function tablesOf(nft: unknown): { readonly family?: unknown; readonly name?: unknown }[] {
  const objects = (nft as { readonly nftables?: readonly unknown[] } | undefined)?.nftables ?? [];
  return objects.flatMap(
    (object) =>
      (object as { readonly table?: { readonly family?: unknown; readonly name?: unknown } }).table ?? [],
  );
}
