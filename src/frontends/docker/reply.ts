import { TsnetError } from '../../model/index.ts';

/** An error as engines read it: network calls look at `Err`, IPAM calls at `Error`, and the wrong one means success. */
export interface ErrorReply {
  readonly Err: string;
  readonly Error: string;
}

const longestMessage = 1000;

/** The error for the engine's user: one line with the hint, without control characters, since engines print it raw. */
export function errorReply(error: TsnetError): ErrorReply {
  const line = error.hint === undefined ? error.message : `${error.message} (${error.hint})`;
  const message = line.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').slice(0, longestMessage);
  return { Err: message, Error: message };
}
