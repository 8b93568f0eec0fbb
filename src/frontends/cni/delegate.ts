import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { TsnetError } from '../../model/index.ts';
import type { Context } from '../../network/index.ts';
import { isObject, parseDocument, type Document } from './decode.ts';
import type { Variables, Verb } from './environment.ts';
import { CniError, cniCodes } from './errors.ts';
import type { Request } from './request.ts';

/** How long another plugin may take: a DHCP server is waited for. */
const timeoutMs = 90_000;
const largestOutput = 4 << 20;

// A program that is being replaced can't be run for a moment. Source: libcni, `RawExec`, which waits as long.
const busyTries = 5;
const busyWaitMs = 1_000;

/**
 * Asks another plugin to do its part: the same environment but for the verb, the same configuration.
 *
 * @returns what it answered; undefined for verbs that answer nothing
 * @throws a CniError with the code of the plugin, 4 without CNI_PATH, 7 when there is no such plugin
 */
export async function delegate(
  context: Context,
  { env, stdin }: Pick<Request, 'env' | 'stdin'>,
  type: string,
  verb: Verb,
): Promise<Document | undefined> {
  const program = findPlugin(type, env['CNI_PATH']);
  const output = await run(program, { ...env, CNI_COMMAND: verb }, stdin, context.kernel.netns);
  if (output.status === 0) {
    return verb === 'ADD' ? parseDocument(output.stdout, `answer of ${type}`) : undefined;
  }
  throw failure(type, verb, output);
}

/** The file of a plugin: the first regular one of its name in the folders. */
function findPlugin(type: string, path: string | undefined): string {
  if (!path) {
    throw new CniError(
      cniCodes.invalidEnvironment,
      `required environment variables are missing to run ${type}: CNI_PATH`,
      { subject: 'CNI_PATH' },
    );
  }
  const files = path.split(':').flatMap((folder) => (folder === '' ? [] : [join(folder, type)]));
  const found = files.find((file) => isRegularFile(file));
  if (found !== undefined) return found;
  throw new CniError(cniCodes.invalidConfiguration, `ipam.type: no plugin ${type} in CNI_PATH ${path}`, {
    subject: 'ipam.type',
    hint: 'install it there, or use tsnet-ipam, which needs no file',
  });
}

function isRegularFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

interface Output {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(program: string, env: Variables, stdin: string, netns?: string): Promise<Output> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await runOnce(program, env, stdin, netns);
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code !== 'ETXTBSY' || tries === busyTries) {
        throw new TsnetError('unavailable', `run ${program}: ${message}`, { subject: program, cause });
      }
      await new Promise((resolve) => {
        setTimeout(resolve, busyWaitMs);
      });
    }
  }
}

function runOnce(program: string, env: Variables, stdin: string, netns: string | undefined): Promise<Output> {
  const [file, ...args] = netns === undefined ? [program] : ['nsenter', `--net=${netns}`, '--', program];
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: '/',
      env: { ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    const stdout = collect(child.stdout, child);
    const stderr = collect(child.stderr, child);
    child.once('error', reject);
    // Who fails early does not read its input; its status tells the reason.
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
    child.once('close', (status) => {
      resolve({ status, stdout: text(stdout), stderr: text(stderr) });
    });
  });
}

function collect(stream: NodeJS.ReadableStream, child: { kill(signal: 'SIGKILL'): boolean }): Buffer[] {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > largestOutput) child.kill('SIGKILL');
    else chunks.push(chunk);
  });
  return chunks;
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8');
}

/** Its own words, and its code: runtimes know what some of them mean. Source: libcni, which reads standard output. */
function failure(type: string, verb: Verb, { status, stdout, stderr }: Output): TsnetError {
  const said = errorObject(stdout);
  if (said === undefined) {
    const reason = stderr.trim() || stdout.trim() || 'it said nothing';
    const how = status === null ? `was ended after ${timeoutMs / 1000} s` : `failed with status ${status}`;
    return new TsnetError('unavailable', `${type} ${verb}: it ${how}: ${reason}`, { subject: type });
  }
  return new CniError(said.code, `${type} ${verb}: ${said.msg}`, {
    subject: type,
    ...(said.details === '' ? {} : { hint: said.details }),
  });
}

function errorObject(stdout: string): { code: number; msg: string; details: string } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(stdout) as unknown;
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { code, msg, details } = value;
  if (typeof code !== 'number' || !Number.isInteger(code) || code <= 0) return undefined;
  return {
    code,
    msg: typeof msg === 'string' ? msg : '',
    details: typeof details === 'string' ? details : '',
  };
}
