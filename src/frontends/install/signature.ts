import { createHash } from 'node:crypto';

/**
 * Whose text it is: `ours` as it was written, `changed` since by somebody, or `foreign`: never ours.
 */
export type Ownership = 'ours' | 'changed' | 'foreign';

const label = '# tsnet install wrote this and replaces it while the sum of the lines above is sha256 ';

/** The text with a last line by which `ownershipOf` knows it again. Fits where `#` begins a comment. */
export function sign(text: string): string {
  return `${text}${label}${sumOf(text)}\n`;
}

/** Whose text it is. Nothing has to be remembered elsewhere: an update may lose it, the file itself can't. */
export function ownershipOf(text: string): Ownership {
  const start = text.lastIndexOf(label);
  if (start === -1) return 'foreign';
  return text === sign(text.slice(0, start)) ? 'ours' : 'changed';
}

function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
