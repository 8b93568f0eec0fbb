import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One plugin of a list, as it stands there. */
export interface PluginConfig extends Readonly<Record<string, unknown>> {
  readonly type: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
}

/** A network as runtimes read it. */
export interface NetworkList {
  readonly name: string;
  /** The one that was chosen. */
  readonly cniVersion: string;
  readonly disableCheck: boolean;
  readonly disableGC: boolean;
  readonly plugins: readonly PluginConfig[];
  /** The file's content. */
  readonly text: string;
}

/** What the played libcni speaks: that of CNI 1.1.0. */
export const spokenVersions: readonly string[] = [
  '0.1.0',
  '0.2.0',
  '0.3.0',
  '0.3.1',
  '0.4.0',
  '1.0.0',
  '1.1.0',
];

/**
 * Reads a list and chooses its version: the highest of `cniVersions` that the runtime speaks, else `cniVersion`.
 *
 * Source: libcni `NetworkConfFromBytes`.
 *
 * @param spoken what the runtime speaks; an older one does not know `cniVersions`
 * @throws what Go's libcni says
 */
export function parseNetworkList(text: string, folder?: string, spoken = spokenVersions): NetworkList {
  const content = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const name = content['name'];
  if (typeof name !== 'string') throw new Error('error parsing configuration list: no name');
  const inlined = (content['plugins'] ?? []) as readonly PluginConfig[];
  const isInlinedOnly = content['loadOnlyInlinedPlugins'] !== false;
  const plugins =
    isInlinedOnly || folder === undefined ? inlined : [...inlined, ...loadPlugins(join(folder, name))];
  if (plugins.length === 0) throw new Error(`network configuration list ${name} has no plugins`);
  return {
    name,
    cniVersion: chooseVersion(content, spoken),
    disableCheck: isTrue(content['disableCheck']),
    disableGC: isTrue(content['disableGC']),
    plugins,
    text,
  };
}

/** The network of a name among the lists of a folder, in the order of their names. @throws Error without one */
export function loadNetworkList(folder: string, name: string): NetworkList {
  const files = readdirSync(folder).filter((file) => file.endsWith('.conflist'));
  for (const file of files.sort()) {
    const list = parseNetworkList(readFileSync(join(folder, file), 'utf8'), folder);
    if (list.name === name) return list;
  }
  throw new Error(`no net configuration with name "${name}" in ${folder}`);
}

/** Whether a version of the specification is that one or a later one. */
export function isAtLeast(version: string, least: string): boolean {
  return numbersOf(version) >= numbersOf(least);
}

function chooseVersion(content: Readonly<Record<string, unknown>>, spoken: readonly string[]): string {
  const offered = (content['cniVersions'] ?? []) as readonly string[];
  const fixed = typeof content['cniVersion'] === 'string' ? [content['cniVersion']] : [];
  const known = [...offered, ...fixed].filter((version) => spoken.includes(version));
  const [best] = known.sort((one, other) => numbersOf(other) - numbersOf(one));
  if (offered.length > 0 && best === undefined)
    throw new Error(`no version of ${offered.join(', ')} is supported`);
  return offered.length > 0 ? (best ?? '') : (fixed[0] ?? '0.1.0');
}

function numbersOf(version: string): number {
  return version.split('.').reduce((sum, part) => sum * 1000 + Number(part), 0);
}

/** Some wrote a text there before it had a type. */
function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}

function loadPlugins(folder: string): PluginConfig[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith('.conf'));
  return files.sort().map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as PluginConfig);
}
