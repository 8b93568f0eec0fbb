export type { TableChange, TableName } from './format-restore.ts';
export {
  availableFamilies,
  changeTables,
  readDefaultFlavour,
  readTables,
  type IptablesFlavour,
} from './iptables.ts';
export * from './parse-save.ts';
export * from './rule.ts';
