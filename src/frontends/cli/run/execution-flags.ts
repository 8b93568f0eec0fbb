import type { Command } from 'commander';
import { isAbsolute } from 'node:path';
import { invalid } from '../../../model/index.ts';
import type { Execution } from '../../../run/index.ts';
import { repeatable } from '../repeatable.ts';

/** Flags of `docker run` and `docker exec` that say how a command is executed. */
export interface ExecutionFlags {
  readonly env?: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
}

/** Gives a command these flags. */
export function addExecutionFlags(command: Command): Command {
  return command
    .addOption(repeatable('-e, --env <name=value>', 'a variable beside those that tsnet itself has'))
    .option('-w, --workdir <folder>', 'where it begins; default: here')
    .option('-u, --user <user>', 'NAME or UID, also with :GROUP or :GID');
}

/** What the flags ask for. @throws invalid-input */
export function readExecution({ env = [], workdir, user }: ExecutionFlags): Execution {
  return {
    environment: env.flatMap(readVariable),
    ...(workdir === undefined ? {} : { workingDirectory: parseFolder(workdir) }),
    ...(user === undefined || user === '' ? {} : { user }),
  };
}

/** Source: docker run(1): a name alone takes the value that it has here, and is nothing where it has none. */
function readVariable(text: string): string[] {
  const [, name = '', isSet] = /^([^=]+)(=)?/.exec(text) ?? [];
  if (name === '') throw invalid('--env', text, 'NAME=VALUE, or NAME');
  if (isSet !== undefined) return [text];
  const value = process.env[name];
  return value === undefined ? [] : [`${name}=${value}`];
}

function parseFolder(path: string): string {
  if (!isAbsolute(path)) throw invalid('--workdir', path, 'an absolute path');
  return path;
}
