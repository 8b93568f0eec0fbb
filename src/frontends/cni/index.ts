import { toTsnetError } from '../../model/index.ts';
import type { Context } from '../../network/index.ts';
import { parseVerb, type Variables, type Verb } from './environment.ts';
import { CniError, cniCodes, errorReply, recoded } from './errors.ts';
import type { PluginName } from './verbs.ts';
import { newestVersion, parseVersion, supportedVersions, type CniVersion } from './versions.ts';

export type { PluginName } from './verbs.ts';

/** A call of one of the executables, as a runtime made it. */
export interface Invocation {
  readonly env: Variables;
  readonly stdin: string;
  /** Which executable was called; absent means `tsnet`. */
  readonly name?: PluginName;
}

/** What the executable prints, and its exit status. */
export interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr?: string;
}

/**
 * Answers a call of the Container Network Interface. Never throws: a failure is an error object on standard output and
 * exit status 1.
 *
 * @param openContext called only when the input is right and the verb needs it
 *
 * Source: CNI 1.1.0; what runtimes send besides is in this folder's README.
 */
export async function runCni(openContext: () => Promise<Context>, invocation: Invocation): Promise<Answer> {
  const { env, stdin, name = 'tsnet' } = invocation;
  const command = env['CNI_COMMAND'] ?? '';
  if (command === '') return { exitCode: 0, stdout: '', stderr: about(name) };
  let verb: Verb | undefined;
  try {
    verb = parseVerb(command);
    if (verb === 'VERSION') return success({ cniVersion: newestVersion, supportedVersions });
    const [{ parseRequest }, { handlers }] = await (work ??= loadWork());
    const request = parseRequest(verb, env, stdin);
    const operation = handlers[name][verb](request);
    const context = await openContext().catch(asStatus(verb, cniCodes.unavailableWithLoss));
    return success(await operation(context).catch(asStatus(verb, cniCodes.unavailable)));
  } catch (error) {
    return { exitCode: 1, stdout: `${JSON.stringify(errorReply(versionIn(stdin), error))}\n` };
  }
}

// Loaded when it is needed: VERSION, which runtimes ask again and again, needs none of it.
const loadWork = () => Promise.all([import('./request.ts'), import('./verbs.ts')]);
let work: ReturnType<typeof loadWork> | undefined;

/** The version to answer a failure in: the one that was asked in, as far as it can be read. */
function versionIn(stdin: string): CniVersion {
  try {
    return parseVersion((JSON.parse(stdin) as { readonly cniVersion?: unknown }).cniVersion);
  } catch {
    return newestVersion;
  }
}

function success(result: object | undefined): Answer {
  return { exitCode: 0, stdout: result === undefined ? '' : `${JSON.stringify(result)}\n` };
}

/** STATUS has codes of its own for whatever keeps an ADD from being served. */
function asStatus(verb: Verb, code: number): (thrown: unknown) => never {
  return (thrown) => {
    const error = toTsnetError(thrown);
    if (verb !== 'STATUS' || error instanceof CniError || error.kind === 'bug') throw error;
    throw recoded(code, error);
  };
}

/** What the reference plugins say when they are started by hand; runtimes read the versions from it. */
function about(name: PluginName): string {
  return `CNI ${name} plugin\nCNI protocol versions supported: ${supportedVersions.join(', ')}\n`;
}
