import type { ErrorKind } from '../../model/index.ts';

/** What the shell sees of an error. Source: sysexits.h for the numbers from 64 on. */
export const exitCodes: Readonly<Record<ErrorKind, number>> = {
  'invalid-input': 2,
  'not-found': 3,
  conflict: 4,
  exhausted: 4,
  drift: 1,
  unsupported: 69,
  unavailable: 69,
  bug: 70,
  kernel: 74,
  'try-again': 75,
  denied: 77,
};
