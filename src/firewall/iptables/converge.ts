import type { TableChange, TableName } from '../../kernel/iptables/format-restore.ts';
import type { IptablesFlavour } from '../../kernel/iptables/iptables.ts';
import { targetOf, type SavedChain, type SavedTables } from '../../kernel/iptables/parse-save.ts';
import { ruleArguments, type ChainName, type Rule } from '../../kernel/iptables/rule.ts';
import type { IpFamily } from '../../model/ip.ts';

/** What we want in one table, and all that we want there. */
export interface WantedTable {
  readonly table: TableName;
  /** Our chains with their rules. */
  readonly chains: ReadonlyMap<ChainName, readonly Rule[]>;
  readonly jumps: readonly Jump[];
}

/** A rule in a chain of others that leads to one of ours. */
export interface Jump {
  readonly from: ChainName;
  readonly rule: Rule & { readonly target: { readonly jump: ChainName } };
  /** `early`: first, but after the chain that Docker keeps for rules of the user; otherwise only presence counts. */
  readonly place: 'early' | 'anywhere';
}

/** The beginning of the names of all chains of ours. */
const prefix = 'TSNET-';

/** The chain whose rules Docker promises to put before its own. Source: Docker manual, "Packet filtering". */
const userChain = 'DOCKER-USER';

/** The change that leads from what is there to what is wanted; `undefined` when nothing differs. */
export function converge(saved: SavedTables, wanted: WantedTable): TableChange | undefined {
  const chains = saved.get(wanted.table) ?? new Map<string, SavedChain>();
  const wrongJumps = wanted.jumps.filter((jump) => !isInPlace(chains.get(jump.from), jump));
  const isStray = (chain: string, target: string) =>
    !wanted.jumps.some(({ from, rule }) => from === chain && rule.target.jump === target) ||
    wrongJumps.some(({ from, rule }) => from === chain && rule.target.jump === target);
  const change: TableChange = {
    table: wanted.table,
    replace: [...wanted.chains]
      .filter(([chain, rules]) => !holds(chains.get(chain), rules))
      .map(([chain, rules]) => ({ chain, rules })),
    remove: [...chains.values()]
      .filter(({ name }) => !name.startsWith(prefix))
      .flatMap(({ name, rules }) =>
        rules
          .filter(
            (rule) => targetOf(rule)?.startsWith(prefix) === true && isStray(name, targetOf(rule) ?? ''),
          )
          .map((rule) => ({ chain: name as ChainName, arguments: rule.arguments })),
      ),
    insert: wrongJumps.map(({ from, rule, place }) => ({
      chain: from,
      position: place === 'early' ? earlyIndex(chains.get(from)) + 1 : 1,
      rule,
    })),
    drop: [...chains.keys()].filter(
      (name): name is ChainName => name.startsWith(prefix) && !wanted.chains.has(name as ChainName),
    ),
  };
  const isEmpty = [change.replace, change.remove, change.insert, change.drop].every(
    ({ length }) => length === 0,
  );
  return isEmpty ? undefined : change;
}

/** The chains of others and of ours that a change concerns, one line each. */
export function describeChange(flavour: IptablesFlavour, family: IpFamily, change: TableChange): string[] {
  const { table, replace, remove, insert, drop } = change;
  const chains = new Set([...replace, ...remove, ...insert].map(({ chain }) => chain));
  return [...chains, ...drop].map((chain) => `iptables-${flavour} IPv${family} ${table} chain ${chain}`);
}

function holds(chain: SavedChain | undefined, rules: readonly Rule[]): boolean {
  return (
    chain?.rules.length === rules.length &&
    rules.every((rule, index) => isEqual(chain.rules[index]?.arguments ?? [], ruleArguments(rule)))
  );
}

function isInPlace(chain: SavedChain | undefined, { rule, place }: Jump): boolean {
  const rules = chain?.rules ?? [];
  const index = rules.findIndex((candidate) => targetOf(candidate) === rule.target.jump);
  const isOnlyOne = rules.findLastIndex((candidate) => targetOf(candidate) === rule.target.jump) === index;
  if (index === -1 || !isOnlyOne) return false;
  if (!isEqual(rules[index]?.arguments ?? [], ruleArguments(rule))) return false;
  return place === 'anywhere' || index === earlyIndex(chain);
}

/** The index at which an early jump belongs, not counting jumps of ours. */
function earlyIndex(chain: SavedChain | undefined): number {
  const others = (chain?.rules ?? []).filter((rule) => targetOf(rule)?.startsWith(prefix) !== true);
  return others.findLastIndex((rule) => targetOf(rule) === userChain) + 1;
}

function isEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((word, index) => word === other[index]);
}
