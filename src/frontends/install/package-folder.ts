import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The package's own folder, whether this code runs from source or from the bundle. @throws Error without one */
export function packageFolder(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
  }
  throw new Error('the folder of the tsnet package was not found above its code');
}
