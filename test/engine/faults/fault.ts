import { expect } from 'vitest';
import type { Finding } from '../../../src/inspect/finding.ts';
import { until } from '../../support/engine-run.ts';
import type { Rig } from './rig.ts';

/** A fault of the catalogue: how it is made, what must be found, and whether the printed command heals it. */
export interface Fault {
  /** Such as `F10`. */
  readonly id: string;
  readonly title: string;
  /** Makes it; gives what takes it away where removing the containers does not. */
  readonly inject: (rig: Rig) => Promise<void | (() => Promise<unknown>)>;
  /** The arguments of `tsnet inspect port`; absent: `tsnet doctor`. */
  readonly ask?: readonly string[];
  /** The code of the first cause. */
  readonly code: string;
  /** What the sentence or its evidence must name. */
  readonly names: readonly RegExp[];
  /** Whether what the fault breaks works: false with the fault, true once it is healed. */
  readonly works?: (rig: Rig) => Promise<boolean>;
  /** Absent where the printed commands must heal it; else why only the user can. */
  readonly byHand?: string;
  /** Only the engines that this pattern matches. */
  readonly engines?: RegExp;
}

/** What a fault came to. */
export interface Result {
  readonly found: boolean;
  readonly healed: boolean | undefined;
}

/** Injects, asks, heals and reverts. @throws when anything is not as the fault says */
export async function runFault(fault: Fault, rig: Rig, tell: (result: Result) => void): Promise<void> {
  const { inject, works, names, code, byHand } = fault;
  tell({ found: false, healed: byHand === undefined ? false : undefined });
  const revert = await inject(rig);
  try {
    if (works !== undefined) expect(await works(rig), 'with the fault it must not work').toBe(false);
    const [first] = await findingsOf(fault, rig);
    expect(first?.code, JSON.stringify(first)).toBe(code);
    const told = JSON.stringify([first?.subject, first?.message, first?.evidence]);
    for (const name of names) expect(told).toMatch(name);
    expect(first?.evidence).not.toEqual([]);
    tell({ found: true, healed: byHand === undefined ? false : undefined });
    if (byHand !== undefined) return;
    expect(first?.fix, 'there must be a command').not.toEqual([]);
    await rig.apply(first?.fix ?? []);
    if (works !== undefined) await until('it works after the repair', () => works(rig), 8_000);
    const after = await findingsOf(fault, rig);
    expect(after.map((finding) => finding.code)).not.toContain(code);
    tell({ found: true, healed: true });
  } finally {
    await revert?.();
  }
}

async function findingsOf({ ask }: Fault, rig: Rig): Promise<readonly Finding[]> {
  if (ask === undefined) return (await rig.doctor()).findings;
  return (await rig.inspectPort(...ask)).causes.map(({ finding }) => finding);
}
