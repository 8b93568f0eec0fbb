import { statSync } from 'node:fs';
import { invalid } from '../../model/index.ts';

/** @throws invalid-input for a prefix that is no folder: a mistyped one would be made and filled */
export function assertPrefix(prefix: string): void {
  if (statSync(prefix, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw invalid('--prefix', prefix, 'a folder that exists');
  }
}
