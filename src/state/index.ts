export type { Dump } from './dump.ts';
export { isRunning, thisProcess } from './process-identity.ts';
export type { Interrupted, JournalId } from './journal.ts';
export type { PortHolder } from './port-holder.ts';
export type { LostRecords } from './lost-records.ts';
export { State, type StateOptions } from './state.ts';
export type { StateTransaction } from './transaction.ts';
export type { StateView } from './view.ts';
