import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** What a plugin was called with and what it gave: one line of the record that a test reads. */
export interface PluginCall {
  readonly command: string;
  readonly type: string;
  readonly stdin: Readonly<Record<string, unknown>>;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where plugins run and how they are found. */
export interface PluginPlace {
  /** Path of the network namespace that plays the host. */
  readonly host: string;
  /** The folders with plugins, the first one that has a plugin wins. */
  readonly path: readonly string[];
  /** Besides the CNI variables; nothing of the test's own environment is handed on. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The variables of a call. Source: CNI 1.1.0, Parameters; those without a value are sent empty as libcni does. */
export interface CniVariables {
  readonly CNI_COMMAND: string;
  readonly CNI_CONTAINERID: string;
  readonly CNI_NETNS: string;
  readonly CNI_IFNAME: string;
  readonly CNI_ARGS: string;
}

/** What a plugin that failed said on its standard output. */
export class CniError extends Error {
  override readonly name = 'CniError';
  readonly code: number;
  readonly details: string;

  constructor(message: string, code: number, details: string) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/**
 * Runs a plugin as a process of its own with a clean environment.
 *
 * @throws CniError as libcni makes it: of standard output where that is JSON, else of the error output
 */
export async function runPlugin(
  place: PluginPlace,
  type: string,
  variables: CniVariables,
  stdin: Readonly<Record<string, unknown>>,
  calls: PluginCall[],
): Promise<string> {
  const program = place.path.map((folder) => join(folder, type)).find((path) => existsSync(path));
  if (program === undefined) {
    throw new CniError(`failed to find plugin "${type}" in path [${place.path.join(' ')}]`, 0, '');
  }
  const child = spawn('nsenter', [`--net=${place.host}`, program], {
    cwd: '/',
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      ...place.env,
      ...variables,
      CNI_PATH: place.path.join(':'),
    },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // A plugin may answer without reading.
  child.stdin.on('error', () => {});
  child.stdin.end(JSON.stringify(stdin));
  await once(child, 'close');
  const exitCode = child.exitCode ?? 255;
  calls.push({ command: variables.CNI_COMMAND, type, stdin, exitCode, stdout, stderr });
  if (exitCode === 0) return stdout;
  throw errorOf(type, exitCode, stdout, stderr);
}

/** Source: libcni `pluginErr`. */
function errorOf(type: string, exitCode: number, stdout: string, stderr: string): CniError {
  if (stdout === '') return new CniError(`netplugin ${type} failed (${exitCode}): ${stderr}`, 0, '');
  try {
    const {
      code = 0,
      msg = '',
      details = '',
    } = JSON.parse(stdout) as {
      readonly code?: number;
      readonly msg?: string;
      readonly details?: string;
    };
    return new CniError(msg, code, details);
  } catch {
    return new CniError(
      `netplugin ${type} failed but error parsing its diagnostic message: ${stdout}`,
      0,
      '',
    );
  }
}
