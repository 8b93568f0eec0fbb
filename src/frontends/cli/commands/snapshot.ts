import type { Command } from 'commander';
import { formatInspection, saveInspection } from '../../../inspect/inspection-file.ts';
import { everything, readInspection } from '../../../inspect/read-inspection.ts';
import { printable } from '../../../model/index.ts';
import { readRecords } from '../inspect/records.ts';

interface Flags {
  readonly output: string;
  readonly engines: boolean;
  readonly allRules?: boolean;
}

/** `tsnet snapshot`: what this host holds, for a look elsewhere or later. */
export async function snapshot(command: Command): Promise<void> {
  const { output, engines, allRules } = command.opts<Flags>();
  const inspection = await readInspection({
    ...everything,
    engines,
    records: () => readRecords(command),
    ...(allRules ? { rules: 'all' } : {}),
  });
  if (output === '-') {
    process.stdout.write(formatInspection(inspection));
  } else {
    saveInspection(inspection, output);
    const { namespaces, gaps } = inspection.snapshot;
    process.stderr.write(`${namespaces.length} network namespaces in ${printable(output)}\n`);
    if (gaps.length > 0) process.stderr.write(`not all could be read:\n`);
    for (const { what, why } of gaps) process.stderr.write(`  ${printable(what)}: ${printable(why)}\n`);
  }
}
