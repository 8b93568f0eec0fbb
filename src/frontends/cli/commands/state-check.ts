import type { Command } from 'commander';
import { bootId } from '../../../kernel/proc/index.ts';
import { printable } from '../../../model/index.ts';
import { checkState, isDamaged, restoreState, type FileReport, type Places } from '../../../state/index.ts';
import { printJson } from '../print.ts';
import { readSettings, wantsJson } from '../settings.ts';

/** `tsnet state check`: exit status 1 when something is damaged. */
export function check(command: Command): void {
  const reports = checkState(placesOf(command));
  if (reports.some(isDamaged)) process.exitCode = 1;
  if (wantsJson(command)) return printJson(reports);
  if (reports.length === 0) process.stdout.write('no records\n');
  for (const report of reports) {
    for (const line of linesOf(report)) process.stdout.write(`${printable(line)}\n`);
  }
  if (reports.some(isDamaged)) process.stderr.write("hint: 'tsnet state restore' puts them in order\n");
}

/** `tsnet state restore [--from FILE]` */
export function restore(command: Command): void {
  const { from } = command.opts<{ from?: string }>();
  const done = restoreState(placesOf(command), from);
  if (wantsJson(command)) return printJson(done);
  for (const { source, records, aside, time } of done) {
    const age = time === undefined ? '' : `, written ${time.toISOString()}`;
    process.stdout.write(`restored from ${printable(source)}${age}: ${records} records\n`);
    if (aside !== undefined) process.stdout.write(`what was there is ${printable(aside)} now\n`);
  }
}

function placesOf(command: Command): Places {
  const { stateDirectory: directory, runDirectory } = readSettings(command);
  return { directory, runDirectory, bootId: bootId() };
}

function linesOf({ what, path, size, pages, records, damaged, problem }: FileReport): string[] {
  const length = size === undefined ? '' : `, ${size} bytes`;
  const counted = pages === undefined ? '' : `, ${pages} pages`;
  const state = problem ?? (damaged.length === 0 ? 'whole' : `${damaged.length} records damaged`);
  return [
    `${what.padEnd(8)} ${path}${length}${counted}: ${state}`,
    ...Object.entries(records).map(([kind, count]) => `         ${kind} ${count}`),
    ...damaged.map((key) => `         damaged: ${key}`),
  ];
}
