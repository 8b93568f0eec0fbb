import { createHash } from 'node:crypto';
import type { SavedTables } from '../../kernel/iptables/parse-save.ts';

/** Stands for rules and policies, whatever was counted: differs when one of them does. */
export function digestOf(saved: SavedTables): string {
  const content = [...saved].map(([table, chains]) => [
    table,
    [...chains.values()].map(({ name, policy, rules }) => [
      name,
      policy,
      rules.map((rule) => rule.arguments),
    ]),
  ]);
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16);
}
