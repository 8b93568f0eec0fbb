export { deleteFlows, type FlowFilter } from './delete-flows.ts';
export type { Flow, FlowTuple } from './flow.ts';
export { listFlows } from './list-flows.ts';
