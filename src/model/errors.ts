/**
 * What the caller of a failed operation can do about it. Codes of CNM, CNI and the shell are derived from
 * the kind, and only in the front ends.
 */
export type ErrorKind =
  /** A value from outside is wrong; the message names field, value and what is allowed. */
  | 'invalid-input'
  /** The named thing does not exist. */
  | 'not-found'
  /** Somebody else holds the name, address or port; the message says who. */
  | 'conflict'
  /** A pool, a port range or a kernel limit is used up. */
  | 'exhausted'
  /** This kernel, engine or version can't do it. */
  | 'unsupported'
  /** A capability or permission is missing. */
  | 'denied'
  /** It may work if tried again: a lock was held, a dump was interrupted. */
  | 'try-again'
  /** A service that is needed does not answer. */
  | 'unavailable'
  /** The kernel does not hold what it should. */
  | 'drift'
  /** The kernel refused a change that should have worked. */
  | 'kernel'
  /** A defect of tsnet. */
  | 'bug';

/** Everything an error may carry beside its message. */
export interface ErrorDetails {
  /** The object concerned, such as `network 4f2a` or `address 10.1.0.2`. */
  readonly subject?: string;
  /** What the reader can do about it, one line. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Errors met while undoing; the first error is the one thrown. */
  readonly suppressed?: readonly unknown[];
  /** The kernel's symbolic error, such as `EEXIST`, where one was met. */
  readonly errno?: string;
}

/** The one error class of tsnet: a message for people, a kind for programs. */
export class TsnetError extends Error {
  override readonly name = 'TsnetError';
  readonly kind: ErrorKind;
  readonly subject: string | undefined;
  readonly hint: string | undefined;
  readonly errno: string | undefined;
  readonly suppressed: readonly unknown[];

  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.subject = details.subject;
    this.hint = details.hint;
    this.errno = details.errno;
    this.suppressed = details.suppressed ?? [];
  }
}

/** The same error with the failures of its undo attached. */
export function withSuppressed(error: TsnetError, suppressed: readonly unknown[]): TsnetError {
  if (suppressed.length === 0) return error;
  const { subject, hint, errno } = error;
  return new TsnetError(error.kind, error.message, {
    ...(subject === undefined ? {} : { subject }),
    ...(hint === undefined ? {} : { hint }),
    ...(errno === undefined ? {} : { errno }),
    cause: error.cause ?? error,
    suppressed: [...error.suppressed, ...suppressed],
  });
}

/** Errors of the operating system that say something of the user's rights or the host, wherever they are met. */
const systemErrors: ReadonlyMap<unknown, { readonly kind: ErrorKind; readonly hint: string }> = new Map([
  ['EACCES', { kind: 'denied', hint: 'run as root' }],
  ['EPERM', { kind: 'denied', hint: 'run as root' }],
  ['EROFS', { kind: 'denied', hint: 'the file system is mounted read-only' }],
  ['ENOTDIR', { kind: 'unavailable', hint: 'check the path' }],
  ['EEXIST', { kind: 'unavailable', hint: 'check the path' }],
  ['ELOOP', { kind: 'unavailable', hint: 'check the path' }],
  ['ENAMETOOLONG', { kind: 'unavailable', hint: 'check the path' }],
  ['ENOSPC', { kind: 'unavailable', hint: 'look whether the file system is full' }],
  ['EDQUOT', { kind: 'unavailable', hint: 'look whether the file system is full' }],
  ['EIO', { kind: 'unavailable', hint: 'check the file system' }],
  ['EMFILE', { kind: 'unavailable', hint: 'raise the limit of open files (ulimit -n)' }],
  ['ENFILE', { kind: 'unavailable', hint: 'raise the limit of open files (fs.file-max)' }],
]);

/**
 * Any thrown value as a `TsnetError`. What the operating system refuses for the user's rights or the state of the host is
 * `denied` or `unavailable`; everything else that is not one already is a defect and becomes kind `bug`.
 */
export function toTsnetError(thrown: unknown): TsnetError {
  if (thrown instanceof TsnetError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = thrown instanceof Error && 'syscall' in thrown && 'code' in thrown ? thrown.code : undefined;
  const known = systemErrors.get(code);
  if (known !== undefined) {
    return new TsnetError(known.kind, message, { cause: thrown, errno: String(code), hint: known.hint });
  }
  return new TsnetError('bug', message, {
    cause: thrown,
    hint: 'please report this with the log line that precedes it',
  });
}

/**
 * The error for a bad value from outside.
 *
 * @param field what the user calls it, such as `--subnet` or `IPv4Data[0].Pool`
 * @param value what was given; printed as JSON so that control characters can't reach a terminal
 * @param allowed what would have been right, as the rest of "expected …"
 */
export function invalid(field: string, value: unknown, allowed: string): TsnetError {
  const shown = value === undefined ? 'nothing' : printable(value);
  return new TsnetError('invalid-input', `${field}: ${shown} is not allowed, expected ${allowed}`, {
    subject: field,
  });
}

const longestShownValue = 120;

function printable(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    text = typeof value;
  }
  return text.length > longestShownValue ? `${text.slice(0, longestShownValue)}…` : text;
}
