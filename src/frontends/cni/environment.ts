import { invalid, parseIfName, type IfName } from '../../model/index.ts';
import { parseArguments, type CniArguments } from './arguments.ts';
import { CniError, cniCodes, withCode } from './errors.ts';

/** What a runtime can ask of a plugin. */
export const verbs = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const;

/** What a runtime asks of a plugin. */
export type Verb = (typeof verbs)[number];

/** The variables of an invocation, by name. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** One attachment of a container, as the environment names it. */
export interface AttachmentVariables {
  readonly containerId: string;
  /** Empty where the runtime has none any more. */
  readonly netns: string;
  readonly ifName: IfName;
  readonly args: CniArguments;
}

/** Which variable a verb can't do without, and what it may say. */
const table: readonly {
  readonly name: string;
  readonly requiredFor: readonly Verb[];
  readonly check: (value: string, name: string) => unknown;
}[] = [
  { name: 'CNI_CONTAINERID', requiredFor: ['ADD', 'CHECK', 'DEL'], check: checkContainerId },
  { name: 'CNI_NETNS', requiredFor: ['ADD', 'CHECK'], check: checkPath },
  { name: 'CNI_IFNAME', requiredFor: ['ADD', 'CHECK', 'DEL'], check: parseIfName },
];

/** Reads the verb. @throws a CniError 4 */
export function parseVerb(value: string): Verb {
  const verb = verbs.find((known) => known === value);
  if (verb !== undefined) return verb;
  return withCode(cniCodes.invalidEnvironment, () => {
    throw invalid('CNI_COMMAND', value, `one of ${verbs.join(', ')}`);
  });
}

/**
 * Reads the variables that a verb needs. CNI_PATH is not among them: only who delegates needs it, and says so then.
 *
 * @throws a CniError 4 that names every variable that is missing, or the one that is wrong
 */
export function parseEnvironment(verb: Verb, env: Variables): AttachmentVariables {
  const required = table.filter(({ requiredFor }) => requiredFor.includes(verb));
  const missing = required.filter(({ name }) => !env[name]).map(({ name }) => name);
  if (missing.length > 0) {
    throw new CniError(
      cniCodes.invalidEnvironment,
      `required environment variables are missing for ${verb}: ${missing.join(', ')}`,
      { subject: missing[0] ?? '' },
    );
  }
  return withCode(cniCodes.invalidEnvironment, () => {
    for (const { name, check } of required) check(env[name] ?? '', name);
    return {
      containerId: env['CNI_CONTAINERID'] ?? '',
      netns: env['CNI_NETNS'] ?? '',
      ifName: (env['CNI_IFNAME'] ?? '') as IfName,
      // What ends must end whatever a runtime writes beside it.
      args: verb === 'ADD' || verb === 'CHECK' ? parseArguments(env['CNI_ARGS'] ?? '') : {},
    };
  });
}

/** Source: CNI 1.1.0, Parameters. */
function checkContainerId(value: string, name: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(value)) {
    throw invalid(name, value, 'letters, digits, dots, dashes or underscores, a letter or digit first');
  }
}

function checkPath(value: string, name: string): void {
  if (!value.startsWith('/') || value.includes('\0')) {
    throw invalid(name, value, 'the absolute path of a network namespace');
  }
}
