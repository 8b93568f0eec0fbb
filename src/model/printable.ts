/** A text that comes from others, fit for one line of a terminal: what would control it becomes `?`. */
export function printable(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
}
