export { deleteFlows, type FlowFilter } from './delete-flows.ts';
export type { Flow, FlowTuple } from './flow.ts';
