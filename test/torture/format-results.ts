import type { LaneResult } from './lanes.ts';

/** A table of 80 columns at most. */
export function formatResults(results: readonly LaneResult[]): string {
  const rows = results.map(({ lane, kind, rounds, did, seconds, failures }) => [
    lane,
    kind,
    String(rounds),
    did,
    ((60 * rounds) / seconds).toFixed(0),
    failures === 0 ? 'none' : String(failures),
  ]);
  const table = [['LANE', 'KIND', 'ROUNDS', 'WHAT', 'A MINUTE', 'FAULTS'], ...rows];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
