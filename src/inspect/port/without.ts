import type { Step } from '../rules/packet.ts';
import type { Chain, Rules, Table } from '../rules/rules.ts';

/** The rules as they would be without one rule, or with the policy of one chain turned to accept. */
export function without(rules: Rules, step: Step): Rules {
  return {
    tables: rules.tables.map((table) => (isOf(table, step) ? withoutIn(table, step) : table)),
  };
}

function isOf({ author, family, name }: Table, step: Step): boolean {
  return author === step.author && family === step.family && name === step.table;
}

function withoutIn(table: Table, { chain: name, rule }: Step): Table {
  const chain = table.chains.get(name);
  if (chain === undefined) return table;
  const mended: Chain =
    rule === undefined
      ? { ...chain, ...(chain.base === undefined ? {} : { base: { ...chain.base, policy: 'accept' } }) }
      : { ...chain, rules: chain.rules.filter(({ position }) => position !== rule.position) };
  return { ...table, chains: new Map([...table.chains, [name, mended]]) };
}
