export type { ListedTable, TableName } from './messages.ts';
export { Nft } from './nft.ts';
export * from './set-element.ts';
export { readRuleSet } from './rule-set.ts';
export { tablesIn, tablesQuestion } from './tables.ts';
