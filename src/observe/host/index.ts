export { addRules } from './add-rules.ts';
export { observeHost, type ObserveOptions } from './observe-host.ts';
export { allParts, topologyParts, type Part } from './parts.ts';
export { Relations, type PlacedAddress, type PlacedLink } from './relations.ts';
export type {
  FlowView,
  Gap,
  LinkView,
  NetnsId,
  NetnsView,
  ProcessView,
  RuleSets,
  Snapshot,
  SocketView,
} from './snapshot.ts';
