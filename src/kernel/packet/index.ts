export { flowFilter, type FlowEnd } from './flow-filter.ts';
export type { CapturedPacket } from './packet-record.ts';
export { PacketTap, type TapCounts, type TapOptions } from './packet-tap.ts';
