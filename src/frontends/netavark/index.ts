import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { invalid, toTsnetError, TsnetError } from '../../model/index.ts';
import type { Context } from '../../network/index.ts';
import { errorReply } from '../docker/reply.ts';
import { packageFolder } from '../install/package-folder.ts';
import { create } from './create.ts';
import { setUp } from './setup.ts';
import { tearDown } from './teardown.ts';

/** How netavark or Podman started the plugin. */
export interface NetavarkInvocation {
  /** What stood behind the program's name, such as `setup` and the path of a network namespace. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
}

/** What the plugin prints, and its exit code. */
export interface NetavarkAnswer {
  readonly exitCode: 0 | 1;
  readonly stdout: string;
  /** Podman shows it to the user. */
  readonly stderr?: string;
}

/**
 * Answers one call of netavark's plugin interface: `create`, `setup PATH`, `teardown PATH`, `info`. Errors are answers
 * too: `{"error": …}` and exit code 1.
 *
 * Source: netavark `plugin-API.md` (API version 1.0.0) and `src/plugin.rs`.
 *
 * @param context opened only by calls that need it
 */
export async function runNetavark(
  context: () => Promise<Context>,
  { args: [command, path], stdin }: NetavarkInvocation,
): Promise<NetavarkAnswer> {
  try {
    switch (command) {
      case undefined:
      case 'info':
        return success({ version: version(), api_version: '1.0.0' });
      case 'create': {
        const body = parseBody(stdin);
        return success(await create(await context(), body));
      }
      case 'setup': {
        const [namespace, body] = [requirePath(path), parseBody(stdin)];
        const { status, warnings } = await setUp(await context(), namespace, body);
        return { ...success(status), ...stderrOf(warnings) };
      }
      case 'teardown': {
        const body = parseBody(stdin);
        await tearDown(await context(), body);
        return { exitCode: 0, stdout: '' };
      }
      default:
        throw invalid('command', command, 'create, setup, teardown or info');
    }
  } catch (thrown) {
    const error = toTsnetError(thrown);
    return { exitCode: 1, stdout: `${JSON.stringify({ error: errorReply(error).Err })}\n` };
  }
}

function success(answer: object): NetavarkAnswer {
  return { exitCode: 0, stdout: `${JSON.stringify(answer)}\n` };
}

function stderrOf(warnings: readonly string[]): { readonly stderr?: string } {
  return warnings.length === 0 ? {} : { stderr: warnings.map((line) => `tsnet: ${line}\n`).join('') };
}

function parseBody(stdin: string): unknown {
  try {
    return JSON.parse(stdin) as unknown;
  } catch (cause) {
    throw new TsnetError('invalid-input', `standard input: not JSON: ${(cause as Error).message}`, { cause });
  }
}

function requirePath(path: string | undefined): string {
  if (path?.startsWith('/') === true && path.length <= 4096 && !path.includes('\0')) return path;
  throw invalid('network namespace', path, 'the absolute path of a network namespace');
}

function version(): string {
  const text = readFileSync(join(packageFolder(), 'package.json'), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
