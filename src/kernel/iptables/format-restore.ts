import { quoteArgument, ruleArguments, type ChainName, type Rule } from './rule.ts';

/** A table that our chains can be in. */
export type TableName = 'raw' | 'mangle' | 'nat' | 'filter';

/** A change of one table; its parts are carried out in this order, all or none. */
export interface TableChange {
  readonly table: TableName;
  /** Chains of ours to make, or to empty and fill again. */
  readonly replace: readonly { readonly chain: ChainName; readonly rules: readonly Rule[] }[];
  /** Rules to take out of other chains, by their arguments, once for each time they are named. */
  readonly remove: readonly { readonly chain: ChainName; readonly arguments: readonly string[] }[];
  /** Rules to put into other chains; position 1 is the first. */
  readonly insert: readonly { readonly chain: ChainName; readonly position: number; readonly rule: Rule }[];
  /** Chains of ours to take away; nothing may lead to them any more. */
  readonly drop: readonly ChainName[];
}

/** Input for `iptables-restore --noflush`. Naming a chain of ours there empties it. Source: iptables-restore(8). */
export function formatRestore(changes: readonly TableChange[]): string {
  return changes.map(formatTable).join('');
}

function formatTable({ table, replace, remove, insert, drop }: TableChange): string {
  return [
    `*${table}`,
    ...replace.map(({ chain }) => `:${chain} - [0:0]`),
    ...replace.flatMap(({ chain, rules }) =>
      rules.map((rule) => `-A ${chain} ${words(ruleArguments(rule))}`),
    ),
    ...remove.map((rule) => `-D ${rule.chain} ${words(rule.arguments)}`),
    ...insert.map(({ chain, position, rule }) => `-I ${chain} ${position} ${words(ruleArguments(rule))}`),
    // All empty first: one may lead to another.
    ...drop.map((chain) => `-F ${chain}`),
    ...drop.map((chain) => `-X ${chain}`),
    'COMMIT',
    '',
  ].join('\n');
}

function words(parts: readonly string[]): string {
  return parts.map(quoteArgument).join(' ');
}
