import { painted, type Screen, type Tone } from './screen.ts';

/** A field of a table. */
export type Cell = string | { readonly text: string; readonly tone: Tone };

const gap = 2;
/** Narrower than this a column says nothing. */
const narrowest = 6;

/**
 * Rows under headings, two spaces apart. On a terminal that is too narrow the widest columns are cut, and `…` says so, but
 * not the first: its names are what one asks with again. Columns that are empty everywhere are left out.
 */
export function tableLines(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  screen: Screen,
  indent = '',
): string[] {
  const used = headings.map((_, column) => rows.some((row) => textOf(row[column]) !== ''));
  const keep = <Item>(row: readonly Item[]): Item[] => row.filter((_, column) => used[column]);
  const lines: (readonly Cell[])[] = [keep(headings), ...rows.map(keep)];
  const widths = keep(headings).map((_, column) =>
    Math.max(...lines.map((line) => widthOf(textOf(line[column])))),
  );
  if (screen.width !== undefined) fit(widths, screen.width - indent.length);
  return lines.map((line, position) => {
    const cells = line.map((cell, column) => {
      const text = cut(textOf(cell), widths[column] ?? 0);
      const padding = ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(text)));
      const tone = position === 0 ? 'strong' : typeof cell === 'string' ? undefined : cell.tone;
      return (tone === undefined || text === '' ? text : painted(screen, tone, text)) + padding;
    });
    return `${indent}${cells.join(' '.repeat(gap))}`.trimEnd();
  });
}

/** The text in at most so many columns. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return `${Array.from(text)
    .slice(0, Math.max(0, width - 1))
    .join('')}…`;
}

function textOf(cell: Cell | undefined): string {
  return typeof cell === 'object' ? cell.text : (cell ?? '');
}

function widthOf(text: string): number {
  return Array.from(text).length;
}

/** Takes from the widest columns but the first until all fit, or none can be narrower. */
function fit(widths: number[], available: number): void {
  for (;;) {
    const total = widths.reduce((sum, width) => sum + width, 0) + gap * (widths.length - 1);
    const others = widths.slice(1);
    const widest = Math.max(...others);
    if (total <= available || widest <= narrowest) return;
    const next = Math.max(narrowest, ...others.filter((width) => width < widest));
    const columns = others.filter((width) => width === widest).length;
    const target = Math.max(next, widest - Math.max(1, Math.ceil((total - available) / columns)));
    for (const [column, width] of widths.entries())
      if (column > 0 && width === widest) widths[column] = target;
  }
}
