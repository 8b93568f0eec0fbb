export { explainDrop } from './explain-drop.ts';
export { probe, type PacketFate, type ProbeOptions, type ProbeOrigin, type ProbeResult } from './probe.ts';
export { probeTarget } from './probe-target.ts';
export type { PlacedStep } from './place-trail.ts';
export type { RuleMet } from './rules-met.ts';
export type { Attempt, ProbeOutcome, ProbeTarget } from './send-probe.ts';
