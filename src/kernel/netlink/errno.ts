import { constants } from 'node:os';
import { TsnetError, type ErrorKind } from '../../model/errors.ts';
import type { NativeError } from '../native.ts';

/** The symbolic name of an errno value, such as `EEXIST` for 17; `errno 999` for one without a name. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}

/**
 * The error for an errno of the kernel.
 *
 * @param doing what was tried, to which subject and where, such as `create link tsb-1 in /run/netns/blue`
 * @param reason the kernel's own words (extended acknowledgement), where it gave any
 */
export function kernelError(doing: string, errno: string, reason?: string, cause?: unknown): TsnetError {
  const why = reason === undefined || reason === '' ? errno : `${errno} (${reason})`;
  return new TsnetError(kinds.get(errno) ?? 'kernel', `${doing}: ${why}`, {
    errno,
    subject: doing,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What the addon threw as a `TsnetError`; anything else is a defect and comes back as it is. */
export function fromNativeError(doing: string, thrown: unknown): unknown {
  return isNativeError(thrown) ? kernelError(doing, thrown.code, thrown.syscall, thrown) : thrown;
}

function isNativeError(thrown: unknown): thrown is NativeError {
  return (
    thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' && 'syscall' in thrown
  );
}

const kinds = new Map<string, ErrorKind>([
  ['EEXIST', 'conflict'],
  ['EBUSY', 'conflict'],
  ['EADDRINUSE', 'conflict'],
  ['ENODEV', 'not-found'],
  ['ENXIO', 'not-found'],
  ['ENOENT', 'not-found'],
  ['ESRCH', 'not-found'],
  // The kernel's answer to the deletion of an address that is not there.
  ['EADDRNOTAVAIL', 'not-found'],
  ['EPERM', 'denied'],
  ['EACCES', 'denied'],
  ['EROFS', 'denied'],
  ['EOPNOTSUPP', 'unsupported'],
  ['ENOTSUPP', 'unsupported'],
  ['ENOSYS', 'unsupported'],
  ['EPROTONOSUPPORT', 'unsupported'],
  ['EPFNOSUPPORT', 'unsupported'],
  ['EAFNOSUPPORT', 'unsupported'],
  ['ESOCKTNOSUPPORT', 'unsupported'],
  ['EMFILE', 'exhausted'],
  ['ENFILE', 'exhausted'],
  ['ENOSPC', 'exhausted'],
  ['ENOMEM', 'exhausted'],
  ['EUSERS', 'exhausted'],
  // A bridge that has all the ports it can number. Source: Linux `br_add_if()`.
  ['EXFULL', 'exhausted'],
  ['EAGAIN', 'try-again'],
  ['EINTR', 'try-again'],
  ['ENOBUFS', 'try-again'],
  ['ETIMEDOUT', 'try-again'],
]);

/**
 * Names that Node's table lacks. ENOTSUPP is internal to the kernel but reaches user space all the same.
 * Source: `asm-generic/errno.h`, `linux/errno.h`.
 */
const further: readonly (readonly [name: string, errno: number])[] = [
  ['EXFULL', 54],
  ['ENONET', 64],
  ['ECOMM', 70],
  ['ENOTUNIQ', 76],
  ['EBADFD', 77],
  ['EREMCHG', 78],
  ['EUSERS', 87],
  ['ESOCKTNOSUPPORT', 94],
  ['EPFNOSUPPORT', 96],
  ['ESHUTDOWN', 108],
  ['EHOSTDOWN', 112],
  ['EREMOTEIO', 121],
  ['ENOMEDIUM', 123],
  ['ERFKILL', 132],
  ['ENOTSUPP', 524],
];

/** Where two names share a value, the one that the kernel's sources use. */
const preferred: readonly string[] = ['EAGAIN', 'EOPNOTSUPP', 'EDEADLK'];

const names = new Map<number, string>([
  ...Object.entries(constants.errno).map(([name, errno]): [number, string] => [errno, name]),
  ...preferred.map((name): [number, string] => [constants.errno[name as keyof typeof constants.errno], name]),
  ...further.map(([name, errno]): [number, string] => [errno, name]),
]);
