import { toTsnetError, TsnetError, type ErrorDetails, type ErrorKind } from '../../model/index.ts';

/** Codes with a meaning of their own. Source: CNI 1.1.0, Error; 8 is libcni's. */
export const cniCodes = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  ioFailure: 5,
  undecodable: 6,
  invalidConfiguration: 7,
  invalidNamespace: 8,
  tryAgainLater: 11,
  unavailable: 50,
  unavailableWithLoss: 51,
} as const;

/** What other failures are answered with; from 100 on a plugin chooses. */
export const codesByKind: Readonly<Record<ErrorKind, number>> = {
  'invalid-input': cniCodes.invalidConfiguration,
  'not-found': 110,
  conflict: 111,
  exhausted: 112,
  unsupported: 113,
  denied: 114,
  'try-again': cniCodes.tryAgainLater,
  unavailable: cniCodes.unavailable,
  drift: 115,
  kernel: 116,
  bug: 999,
};

const kindsByCode: ReadonlyMap<number, ErrorKind> = new Map([
  [cniCodes.incompatibleVersion, 'unsupported'],
  [cniCodes.unsupportedField, 'unsupported'],
  [cniCodes.unknownContainer, 'not-found'],
  [cniCodes.invalidEnvironment, 'invalid-input'],
  [cniCodes.undecodable, 'invalid-input'],
  [cniCodes.invalidConfiguration, 'invalid-input'],
  [cniCodes.invalidNamespace, 'invalid-input'],
  [cniCodes.tryAgainLater, 'try-again'],
]);

/** An error whose code does not follow from its kind. */
export class CniError extends TsnetError {
  readonly code: number;

  constructor(code: number, message: string, details: ErrorDetails = {}) {
    super(kindsByCode.get(code) ?? 'unavailable', message, details);
    this.code = code;
  }
}

/** Gives what an action throws another code, but leaves those alone that chose one. */
export function withCode<T>(code: number, action: () => T): T {
  try {
    return action();
  } catch (thrown) {
    const error = toTsnetError(thrown);
    if (error instanceof CniError || error.kind !== 'invalid-input') throw error;
    throw recoded(code, error);
  }
}

/** The same error with a code of its own. */
export function recoded(code: number, error: TsnetError): CniError {
  const { message, subject, hint, suppressed } = error;
  return new CniError(code, message, {
    ...(subject === undefined ? {} : { subject }),
    ...(hint === undefined ? {} : { hint }),
    suppressed,
    cause: error,
  });
}

/** An error as runtimes read it from standard output. */
export interface ErrorReply {
  readonly cniVersion: string;
  readonly code: number;
  readonly msg: string;
  readonly details?: string;
}

/** The answer for a failure: one line that says what and why, and details that say what to do and what else failed. */
export function errorReply(cniVersion: string, thrown: unknown): ErrorReply {
  const error = toTsnetError(thrown);
  const details = [
    ...(error.hint === undefined ? [] : [error.hint]),
    ...error.suppressed.map((one) => `also: ${one instanceof Error ? one.message : String(one)}`),
  ].join('; ');
  return {
    cniVersion,
    code: error instanceof CniError ? error.code : codesByKind[error.kind],
    msg: oneLine(error.message),
    ...(details === '' ? {} : { details: oneLine(details) }),
  };
}

const longestText = 2000;

/** Runtimes print it raw into logs and terminals. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').slice(0, longestText);
}
