import { printable } from '../../model/index.ts';

/** Prints a value as indented JSON. */
export function printJson(value: unknown): void {
  process.stdout.write(`${toJson(value, 2)}\n`);
}

/** A value as JSON in which nothing can steer a terminal: such characters are written as escapes. */
export function toJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent);
  // Most is ASCII, and to see that takes a tenth of the time.
  if (!/[^\n -~]/.test(text)) return text;
  // Between values there are line feeds only, and inside texts none that are not escaped.
  return text.replaceAll(/(?!\n)[\p{Cc}\p{Cf}\u2028\u2029]/gu, escaped);
}

function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, position) => {
    const unit = character.charCodeAt(position).toString(16);
    return `\\u${unit.padStart(4, '0')}`;
  }).join('');
}

/**
 * Prints rows under headings, columns as wide as their widest cell and two spaces apart.
 *
 * Control characters in cells are shown as `?`: names come from outside and must not steer a terminal.
 */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const lines = [headings, ...rows.map((row) => row.map(printable))];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  for (const line of lines) {
    const cells = line.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    process.stdout.write(`${cells.join('  ').trimEnd()}\n`);
  }
}
