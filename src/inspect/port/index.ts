export { debugPort } from './debug-port.ts';
export { namespacesAsked } from './namespaces-asked.ts';
export { formatPortQuestion, parsePortQuestion, type Origin, type PortQuestion } from './question.ts';
export type { Cause, Hop, PortReport, Stage, Symptom, Verdict, Way } from './report.ts';
export { routeFromTables, type AskRoute, type RouteAnswer, type RouteQuestion } from './routing.ts';
