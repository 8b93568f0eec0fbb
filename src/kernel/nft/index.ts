export type { ListedTable, TableName } from './messages.ts';
export { Nft } from './nft.ts';
export type { BaseChain, Rule, Test } from './structure-messages.ts';
export * from './set-element.ts';
export { readRuleSet } from './rule-set.ts';
export { tablesIn, tablesQuestion } from './tables.ts';
