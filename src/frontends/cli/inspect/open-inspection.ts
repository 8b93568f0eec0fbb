import type { Command } from 'commander';
import { hasEngines } from '../../../inspect/engines/read-engines.ts';
import type { Inspection } from '../../../inspect/inspection.ts';
import { readInspection, type InspectionOptions } from '../../../inspect/read-inspection.ts';
import { printable, TsnetError } from '../../../model/index.ts';
import { prepareForBriefLife } from './brief-life.ts';
import { readRecords } from './records.ts';

/** Flags that every question to the inspector knows. */
export interface InspectFlags {
  readonly snapshot?: string;
  readonly format?: string;
  readonly watch?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
  /** Of questions whose answer an engine has as well: in its shape. */
  readonly docker?: boolean;
}

/** The flags that a command was called with, its own and those of the commands above it. @throws invalid-input */
export function inspectFlags(command: Command): InspectFlags {
  const flags = command.optsWithGlobals<InspectFlags>();
  if (flags.watch === true && flags.snapshot !== undefined) {
    throw new TsnetError('invalid-input', '--watch and --snapshot: a file does not change');
  }
  if (flags.json === true && flags.format !== undefined) {
    throw new TsnetError('invalid-input', "--json and --format: choose one, or write --format '{{json .}}'");
  }
  return flags;
}

/**
 * The inspection of the file that the command's flags name, else of this host now, with the records of tsnet that they name.
 *
 * @throws as the readers of both
 */
export async function openInspection(command: Command, options: InspectionOptions): Promise<Inspection> {
  const { snapshot } = command.optsWithGlobals<Pick<InspectFlags, 'snapshot'>>();
  if (snapshot !== undefined) {
    await prepareForBriefLife();
    const { loadInspection } = await import('../../../inspect/inspection-file.ts');
    return loadInspection(snapshot);
  }
  const { engines = true, rules = 'none' } = options;
  await prepareForBriefLife([
    ...(engines && hasEngines() ? ['http' as const] : []),
    ...(rules === 'none' ? [] : ['childProcess' as const]),
  ]);
  return await readInspection({ ...options, records: () => readRecords(command) });
}

const shownGaps = 6;
const shownObjects = 3;

/** Says on standard error what could not be read, so that nobody takes it for absent; one line for each reason. */
export function printGaps({ snapshot: { gaps } }: Inspection): void {
  const byReason = new Map<string, string[]>();
  for (const { what, why } of gaps) byReason.set(why, [...(byReason.get(why) ?? []), what]);
  const reasons = [...byReason];
  for (const [why, objects] of reasons.slice(0, shownGaps)) {
    const rest = objects.length - shownObjects;
    const shown = objects.slice(0, shownObjects).join(', ');
    const text = `${shown}${rest > 0 ? ` and ${rest} more` : ''}: ${why}`;
    process.stderr.write(`could not read: ${printable(text)}\n`);
  }
  if (reasons.length > shownGaps) {
    process.stderr.write(
      `could not read: … ${reasons.length - shownGaps} more; 'tsnet snapshot' lists them\n`,
    );
  }
}
