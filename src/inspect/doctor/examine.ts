import type { Finding } from '../finding.ts';
import type { Inspection } from '../inspection.ts';
import { sceneOf } from '../port/scene.ts';
import { checks } from './checks.ts';

/** What the doctor found. */
export interface Examination {
  /** Changes when a reader of the former form would misunderstand it. */
  readonly schema: 'tsnet.doctor/1';
  readonly checks: readonly { readonly name: string; readonly findings: number }[];
  /** Errors first, then warnings, then notes; each in the order of the checks. */
  readonly findings: readonly Finding[];
}

const severities: readonly Finding['severity'][] = ['error', 'warning', 'note'];

/** Runs all checks over what was seen; pure. */
export function examine(inspection: Inspection): Examination {
  const scene = sceneOf(inspection);
  const told = new Set<string>();
  const results = checks.map(({ name, find }) => ({
    name,
    found: find(scene).filter((each) => isNew(each, told)),
  }));
  const all = results.flatMap(({ found }) => found);
  return {
    schema: 'tsnet.doctor/1',
    checks: results.map(({ name, found }) => ({ name, findings: found.length })),
    findings: severities.flatMap((severity) => all.filter((finding) => finding.severity === severity)),
  };
}

/** Two checks may meet the same fault. */
function isNew({ code, subject, fix }: Finding, told: Set<string>): boolean {
  const key = [code, subject, ...fix].join('\n');
  if (told.has(key)) return false;
  told.add(key);
  return true;
}
