import { mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';

/** Opens a file for flock(2), made with its folders for the user alone if it is missing. The caller closes it. */
export function openLockFile(path: string): number {
  try {
    return openSync(path, 'a', 0o600);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return openSync(path, 'a', 0o600);
  }
}
