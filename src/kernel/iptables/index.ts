export type { TableChange, TableName } from './format-restore.ts';
export {
  availableFamilies,
  changeTables,
  readDefaultFlavour,
  readTables,
  saveTables,
  type IptablesFlavour,
} from './iptables.ts';
export { legacyTablesFolder, legacyTablesIn, readLegacyTables } from './legacy-tables.ts';
export * from './parse-save.ts';
export * from './rule.ts';
