export type { Cell, FlowSeen, Row } from './align-rows.ts';
export { capture, type CaptureLimits, type CaptureOptions, type CaptureSummary } from './capture.ts';
export { RowFormatter } from './format-rows.ts';
export { tapsFor, type CapturePlan, type PlannedTap } from './taps-for.ts';
export type { PortTarget, WantedPort } from './targets-of.ts';
