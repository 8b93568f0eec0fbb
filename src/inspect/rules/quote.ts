/** Words as a line for a shell: what others wrote into a rule stays a word, whatever it holds. */
export function shellLine(words: readonly string[]): string {
  return words.map(quoteWord).join(' ');
}

function quoteWord(word: string): string {
  return /^(?:!|[\w./:,+=@%^-]+)$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
