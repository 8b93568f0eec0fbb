import { statSync } from 'node:fs';
import { toTsnetError } from '../model/errors.ts';

/**
 * Whether something is at a path. That it can't be told is an error and not a "no": a user who may not look into a folder
 * would otherwise be told that nothing is there.
 *
 * @throws denied without the right to look; unavailable when the file system fails
 */
export function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw toTsnetError(error);
  }
}
