import { shellWord } from '../../inspect/port/shell-word.ts';
import { printable, toTsnetError, type TsnetError } from '../../model/index.ts';
import { exitCodes } from './exit-codes.ts';
import { printJson } from './print.ts';

/** Prints an error for people, and for machines if they asked. @returns the exit status for it */
export function reportError(thrown: unknown, wantsJson: boolean): number {
  const error = toTsnetError(thrown);
  if (wantsJson) printJson({ error: describe(error) });
  process.stderr.write(`tsnet: ${printable(error.message)}\n`);
  const hint = error.hint ?? rootHint(error);
  if (hint !== undefined) process.stderr.write(`hint: ${printable(hint)}\n`);
  if (error.kind === 'bug' && error.cause instanceof Error)
    process.stderr.write(`${error.cause.stack ?? ''}\n`);
  return exitCodes[error.kind];
}

function describe(error: TsnetError): object {
  const { kind, message, hint = rootHint(error), errno } = error;
  return { kind, message, hint, errno };
}

/** What an ordinary user can do about a missing permission: the same command with the rights of root. */
function rootHint({ kind }: TsnetError): string | undefined {
  if (kind !== 'denied' || process.geteuid?.() === 0) return undefined;
  return `this needs root: sudo tsnet ${process.argv.slice(2).map(shellWord).join(' ')}`;
}
