import { invalid, type EndpointId } from '../../model/index.ts';
import { bridgeSchema } from './bridge-config.ts';
import { parseDocument, type Document } from './decode.ts';
import { parseEnvironment, type AttachmentVariables, type Variables, type Verb } from './environment.ts';
import { CniError, cniCodes } from './errors.ts';
import { foldKeys, spellingsOf } from './fold-keys.ts';
import { endpointIdOf, networkIdOf, type CniNetworkId } from './identity.ts';
import { ipamSchema } from './ipam-config.ts';
import { dnsSchema, routeSchema } from './result.ts';
import { isAtLeast, parseVersion, type CniVersion } from './versions.ts';

/** One call of a plugin, as far as every verb reads it. */
export interface Request extends AttachmentVariables {
  readonly verb: Verb;
  readonly version: CniVersion;
  /** The network's name. */
  readonly name: string;
  readonly network: CniNetworkId;
  readonly id: EndpointId;
  readonly document: Document;
  /** As it came, for delegates. */
  readonly env: Variables;
  readonly stdin: string;
}

const spellings = spellingsOf(
  [bridgeSchema, ipamSchema, routeSchema, dnsSchema],
  [
    'cniVersion',
    'name',
    'type',
    'ipam',
    'args',
    'cni',
    'ips',
    'mac',
    'runtimeConfig',
    'capabilities',
    'prevResult',
  ],
);
// The one is folded by itself, the others are lists of names and what plugins say.
const opaque: ReadonlySet<string> = new Set(['runtimeConfig', 'capabilities', 'prevResult']);

const firstVersionOf: Readonly<Partial<Record<Verb, CniVersion>>> = {
  CHECK: '0.4.0',
  GC: '1.1.0',
  STATUS: '1.1.0',
};

/**
 * Reads what every verb needs of environment and standard input.
 *
 * @throws a CniError 4 for the environment, 6 for what is no JSON object, 1 for a version; invalid-input for the name
 */
export function parseRequest(verb: Verb, env: Variables, stdin: string): Request {
  const variables = parseEnvironment(verb, env);
  const document = foldKeys(parseDocument(stdin, 'network configuration'), spellings, opaque) as Document;
  const version = parseVersion(document['cniVersion']);
  const needed = firstVersionOf[verb];
  if (needed !== undefined && !isAtLeast(version, needed)) {
    throw new CniError(
      cniCodes.incompatibleVersion,
      `cniVersion: ${version} does not allow ${verb}, which is there from ${needed} on`,
    );
  }
  const name = parseName(document['name']);
  return {
    ...variables,
    verb,
    version,
    name,
    network: networkIdOf(name),
    id: endpointIdOf(name, variables.containerId, variables.ifName),
    document,
    env,
    stdin,
  };
}

function parseName(value: unknown): string {
  if (typeof value !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(value)) {
    throw invalid('name', value, 'the name of the network: letters, digits, dots, dashes or underscores');
  }
  return value;
}
