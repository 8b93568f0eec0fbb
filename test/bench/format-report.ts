import { isMet, ratioOf, type Distribution, type Figure, type Group, type Unit } from './figures.ts';

const columns = [42, 17, 17, 8, 9, 7] as const;

/** The report as a table of at most 100 columns. */
export function formatReport(groups: readonly Group[]): string {
  const lines = [line(['', 'ours p50 / p90', 'peer p50 / p90', 'ratio', 'aim', ''])];
  for (const { title, notes, figures } of groups) {
    lines.push('', title, ...notes.map((note) => `  ${note}`), ...figures.map(formatFigure));
  }
  return `${lines.join('\n')}\n`;
}

function formatFigure(figure: Figure): string {
  const { what, unit, ours, peer, aim } = figure;
  const ratio = unit === '×' ? undefined : ratioOf(figure);
  const met = isMet(figure);
  return line([
    `  ${what}`,
    formatDistribution(ours, unit),
    peer === undefined ? '' : formatDistribution(peer, unit),
    ratio === undefined ? '' : `${formatNumber(ratio)}×`,
    aim === undefined ? '' : `≤ ${aim}${unit === '×' ? unit : ` ${unit}`}`,
    met === undefined ? '' : met ? 'meets' : 'misses',
  ]);
}

function formatDistribution({ p50, p90, count }: Distribution, unit: Unit): string {
  if (unit === '×') return `${formatNumber(p50)}×`;
  return count === 1 ? `${formatNumber(p50)} ${unit}` : `${formatNumber(p50)} / ${formatNumber(p90)} ${unit}`;
}

function formatNumber(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** The first cell stands on the left, the others on the right. */
function line(cells: readonly string[]): string {
  return cells
    .map((cell, index) => (index === 0 ? cell.padEnd(columns[0]) : cell.padStart(columns[index] ?? 0)))
    .join('')
    .trimEnd();
}
