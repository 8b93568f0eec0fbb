/** A text as one word of a POSIX shell, quoted where it has to be, so that a pasted command does what it says. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Words with single spaces between them, each quoted where it has to be; names of links hold no spaces. */
export function shellWords(text: string): string {
  return text.split(' ').map(shellWord).join(' ');
}
