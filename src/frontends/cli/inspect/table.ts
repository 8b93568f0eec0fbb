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
  const columns = headings.flatMap((_, column) => (used[column] === true ? [column] : []));
  const lines = [headings, ...rows];
  const widths = columns.map((column) => {
    let widest = 0;
    for (const line of lines) widest = Math.max(widest, widthOf(textOf(line[column])));
    return widest;
  });
  if (screen.width !== undefined) fit(widths, screen.width - indent.length);
  return lines.map((line, row) => {
    const cells = columns.map((column, position) => {
      const cell = line[column];
      const width = widths[position] ?? 0;
      const text = cut(textOf(cell), width);
      const padding = ' '.repeat(Math.max(0, width - widthOf(text)));
      const tone = row === 0 ? 'strong' : typeof cell === 'object' ? cell.tone : undefined;
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

/** One column for each character; most texts have no other than those of ASCII. */
function widthOf(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : Array.from(text).length;
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
