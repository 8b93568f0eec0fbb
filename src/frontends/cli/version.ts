import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../install/package-folder.ts';

/** The version of the package that this code belongs to. */
export const version = (
  JSON.parse(readFileSync(join(packageFolder(), 'package.json'), 'utf8')) as { version: string }
).version;
