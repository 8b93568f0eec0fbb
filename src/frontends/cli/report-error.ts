import { printable, toTsnetError, type TsnetError } from '../../model/index.ts';
import { exitCodes } from './exit-codes.ts';
import { printJson } from './print.ts';

/** Prints an error for people, and for machines if they asked. @returns the exit status for it */
export function reportError(thrown: unknown, wantsJson: boolean): number {
  const error = toTsnetError(thrown);
  if (wantsJson) printJson({ error: describe(error) });
  process.stderr.write(`tsnet: ${printable(error.message)}\n`);
  if (error.hint !== undefined) process.stderr.write(`hint: ${printable(error.hint)}\n`);
  if (error.kind === 'bug' && error.cause instanceof Error)
    process.stderr.write(`${error.cause.stack ?? ''}\n`);
  return exitCodes[error.kind];
}

function describe({ kind, message, hint, errno }: TsnetError): object {
  return { kind, message, hint, errno };
}
