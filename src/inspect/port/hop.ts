import type { Evidence, Finding } from '../finding.ts';
import type { Hop, Stage, Symptom } from './report.ts';

/** A place that the packet passes as it should. */
export function good(stage: Stage, message: string, ...evidence: readonly Evidence[]): Hop {
  return { stage, state: 'good', message, evidence, findings: [] };
}

/** A place where it ends. */
export function bad(stage: Stage, finding: Finding, symptom: Symptom): Hop {
  const { message, evidence } = finding;
  return { stage, state: 'bad', message, evidence, findings: [finding], symptom };
}

/** A place that it passes in another way than expected. */
export function surprising(stage: Stage, finding: Finding): Hop {
  const { message, evidence } = finding;
  return { stage, state: 'surprising', message, evidence, findings: [finding] };
}

/** A place of which nothing is known. */
export function unknown(stage: Stage, message: string): Hop {
  return { stage, state: 'unknown', message, evidence: [], findings: [] };
}

/** A fact and where it was read. */
export function fact(source: string, object: string, text: string): Evidence {
  return { source, object, fact: text };
}

/** A finding that is certain and an error, unless it says otherwise. */
export function found(
  code: string,
  parts: Omit<Finding, 'code' | 'severity' | 'isCertain' | 'fix'> & Partial<Finding>,
): Finding {
  return { severity: 'error', isCertain: true, fix: [], ...parts, code };
}
