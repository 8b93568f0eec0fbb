import type { Silence } from '../../inspect/engines/silence.ts';
import { printable } from '../../model/index.ts';

/** Says on standard error why names of an engine are missing. */
export function printSilence(silence: Silence | undefined): void {
  if (silence === undefined) return;
  process.stderr.write(`could not read: ${printable(silence.what)}: ${printable(silence.why)}\n`);
}
