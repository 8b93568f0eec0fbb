import { CniError, cniCodes } from './errors.ts';

/** What a runtime says of one attachment in CNI_ARGS, as it wrote it. */
export type CniArguments = Readonly<Record<string, string>>;

/** Every key that has a meaning to some plugin of the chain or to us; those with the prefixes describe the container. */
const knownKeys: ReadonlySet<string> = new Set(['IgnoreUnknown', 'IP', 'GATEWAY', 'MAC']);
const knownPrefixes = ['K8S_', 'NERDCTL_'];

/**
 * Reads CNI_ARGS: `KEY=VALUE` pairs with semicolons between them.
 *
 * @throws a CniError 4 for anything else, and for an unknown key unless `IgnoreUnknown` is 1 or true
 */
export function parseArguments(text: string): CniArguments {
  if (text === '') return {};
  const pairs = text.split(';').map((pair): readonly [string, string] => {
    const [key, value, ...rest] = pair.split('=');
    if (key === undefined || key === '' || value === undefined || rest.length > 0) {
      throw invalidArguments(pair, 'KEY=VALUE pairs with semicolons between them');
    }
    return [key, value];
  });
  const result = Object.fromEntries(pairs);
  const ignoresUnknown = ['1', 'true', 'True', 'TRUE', 't', 'T'].includes(result['IgnoreUnknown'] ?? '');
  const unknown = pairs.find(([key]) => !isKnown(key));
  if (unknown !== undefined && !ignoresUnknown) {
    throw invalidArguments(unknown.join('='), `${[...knownKeys].join(', ')}, K8S_*, or IgnoreUnknown=1`);
  }
  return result;
}

function isKnown(key: string): boolean {
  return knownKeys.has(key) || knownPrefixes.some((prefix) => key.startsWith(prefix));
}

function invalidArguments(pair: string, allowed: string): CniError {
  const shown = JSON.stringify(pair.slice(0, 80));
  return new CniError(cniCodes.invalidEnvironment, `CNI_ARGS: ${shown} is not allowed, expected ${allowed}`, {
    subject: 'CNI_ARGS',
  });
}
