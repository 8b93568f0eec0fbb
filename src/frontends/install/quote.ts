/** A value of a systemd unit: `%` begins a specifier there. Source: systemd.unit(5), SPECIFIERS. */
export function unitValue(text: string): string {
  return text.replaceAll('%', '%%');
}

/** One word of a systemd unit's command or variable, whatever characters it has. Source: systemd.syntax(7), QUOTING. */
export function unitWord(text: string): string {
  return /^[\w./:=@+-]+$/.test(text) ? text : `"${unitValue(text).replaceAll(/["\\]/g, '\\$&')}"`;
}

/** One word of a shell command, whatever characters it has. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
