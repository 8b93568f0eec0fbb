import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAtLeast, type NetworkList, type PluginConfig } from './libcni-config.ts';
import { runPlugin, type CniVariables, type PluginCall, type PluginPlace } from './libcni-exec.ts';

/** One attachment as a runtime asks for it. */
export interface RuntimeConf {
  readonly containerId: string;
  /** Path of the container's network namespace. */
  readonly netns: string;
  readonly ifName: string;
  /** For CNI_ARGS. */
  readonly args?: readonly (readonly [string, string])[];
  /** Handed to plugins that declare the capability. */
  readonly capabilityArgs?: Readonly<Record<string, unknown>>;
}

/** A plugin's answer to ADD. */
export type CniResult = Readonly<Record<string, unknown>>;

/** A pair that is still in use. */
export interface Attachment {
  readonly containerID: string;
  readonly ifname: string;
}

/** A runtime's library in the way of Go's libcni, with real plugins as processes of their own. */
export interface Libcni {
  add(list: NetworkList, runtime: RuntimeConf): Promise<CniResult>;
  check(list: NetworkList, runtime: RuntimeConf): Promise<void>;
  del(list: NetworkList, runtime: RuntimeConf): Promise<void>;
  /** `valid` absent: as cnitool without arguments; the key is then missing. */
  gc(list: NetworkList, valid?: readonly Attachment[]): Promise<void>;
  status(list: NetworkList): Promise<void>;
  version(type: string): Promise<readonly string[]>;
  /** Drops what is remembered of an attachment, as a crash of the runtime does. */
  forget(list: NetworkList, runtime: RuntimeConf): void;
  /** Every call of a plugin so far, in order. */
  readonly calls: PluginCall[];
}

interface CachedInfo {
  readonly kind: 'cniCacheV1';
  readonly containerId: string;
  readonly config: string;
  readonly ifName: string;
  readonly networkName: string;
  readonly netns: string;
  readonly cniArgs?: readonly (readonly [string, string])[];
  readonly capabilityArgs?: Readonly<Record<string, unknown>>;
  readonly result: CniResult;
}

/**
 * Plays libcni for plugins in a namespace that plays the host. Source: containernetworking/cni `libcni/api.go`.
 *
 * @param cache a folder for the results of attachments
 */
export function createLibcni(place: PluginPlace, cache: string): Libcni {
  const calls: PluginCall[] = [];
  const results = join(cache, 'results');
  const pathOf = (list: NetworkList, { containerId, ifName }: RuntimeConf) =>
    join(results, `${list.name}-${containerId}-${ifName}`);

  const cached = (path: string): CachedInfo | undefined => {
    try {
      return JSON.parse(readFileSync(path, 'utf8')) as CachedInfo;
    } catch {
      return undefined;
    }
  };
  const exec = (
    command: string,
    list: NetworkList,
    plugin: PluginConfig,
    runtime?: RuntimeConf,
    more: Readonly<Record<string, unknown>> = {},
  ) => {
    const injected = { name: list.name, cniVersion: list.cniVersion, ...more };
    const stdin = { ...plugin, ...injected, ...runtimeConfigOf(plugin, runtime) };
    return runPlugin(place, plugin.type, variablesOf(command, runtime), stdin, calls);
  };
  const previous = (list: NetworkList, runtime: RuntimeConf) => {
    const result = isAtLeast(list.cniVersion, '0.4.0') ? cached(pathOf(list, runtime))?.result : undefined;
    return result === undefined ? {} : { prevResult: { ...result, cniVersion: list.cniVersion } };
  };

  const del: Libcni['del'] = async (list, runtime) => {
    const more = previous(list, runtime);
    // The first one that fails ends it: what stands in front of it in the list is left as it is.
    for (const plugin of list.plugins.toReversed()) await exec('DEL', list, plugin, runtime, more);
    rmSync(pathOf(list, runtime), { force: true });
  };

  return {
    calls,
    del,
    async add(list, runtime) {
      let result: CniResult | undefined;
      for (const plugin of list.plugins) {
        const more = result === undefined ? {} : { prevResult: result };
        result = parseResult(await exec('ADD', list, plugin, runtime, more), list.cniVersion);
      }
      if (result === undefined) throw new Error('no plugins');
      mkdirSync(results, { recursive: true, mode: 0o700 });
      writeFileSync(pathOf(list, runtime), JSON.stringify(cachedInfoOf(list, runtime, result)), {
        mode: 0o600,
      });
      return result;
    },
    async check(list, runtime) {
      if (!isAtLeast(list.cniVersion, '0.4.0')) {
        throw new Error(`configuration version "${list.cniVersion}" does not support CHECK command`);
      }
      if (list.disableCheck) return;
      const more = previous(list, runtime);
      for (const plugin of list.plugins) await exec('CHECK', list, plugin, runtime, more);
    },
    async gc(list, valid) {
      if (list.disableGC) return;
      const errors: unknown[] = [];
      const collect = async (action: Promise<unknown>) => {
        await action.catch((error: unknown) => errors.push(error));
      };
      for (const info of readdirIfThere(results).map((file) => cached(join(results, file)))) {
        if (info === undefined || info.networkName !== list.name) continue;
        const isValid = valid?.some(
          ({ containerID, ifname }) => containerID === info.containerId && ifname === info.ifName,
        );
        if (isValid !== true) await collect(del(list, runtimeOf(info)));
      }
      if (isAtLeast(list.cniVersion, '1.1.0')) {
        const more =
          valid === undefined ? {} : { 'cni.dev/valid-attachments': valid, 'cni.dev/attachments': valid };
        for (const plugin of list.plugins) await collect(exec('GC', list, plugin, undefined, more));
      }
      if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join('\n'));
    },
    async status(list) {
      if (!isAtLeast(list.cniVersion, '1.1.0')) return;
      for (const plugin of list.plugins) await exec('STATUS', list, plugin);
    },
    async version(type) {
      const dummy = { containerId: 'dummy', netns: 'dummy', ifName: 'dummy' };
      const variables = { ...variablesOf('VERSION', dummy), CNI_PATH: 'dummy' };
      const stdout = await runPlugin(place, type, variables, { cniVersion: '1.1.0' }, calls);
      return (JSON.parse(stdout) as { readonly supportedVersions: readonly string[] }).supportedVersions;
    },
    forget: (list, runtime) => rmSync(pathOf(list, runtime), { force: true }),
  };
}

/** Only what the plugin declares and the runtime has. Source: libcni `injectRuntimeConfig`. */
function runtimeConfigOf(plugin: PluginConfig, runtime: RuntimeConf | undefined) {
  const given = Object.entries(runtime?.capabilityArgs ?? {}).filter(
    ([name]) => plugin.capabilities?.[name] === true,
  );
  return given.length === 0 ? {} : { runtimeConfig: Object.fromEntries(given) };
}

function variablesOf(command: string, runtime?: RuntimeConf): CniVariables {
  return {
    CNI_COMMAND: command,
    CNI_CONTAINERID: runtime?.containerId ?? '',
    CNI_NETNS: runtime?.netns ?? '',
    CNI_IFNAME: runtime?.ifName ?? '',
    CNI_ARGS: (runtime?.args ?? []).map(([key, value]) => `${key}=${value}`).join(';'),
  };
}

/** Exactly one document; one without a version has that of its configuration. */
function parseResult(stdout: string, cniVersion: string): CniResult {
  return { cniVersion, ...(JSON.parse(stdout) as CniResult) };
}

function cachedInfoOf(list: NetworkList, runtime: RuntimeConf, result: CniResult): CachedInfo {
  return {
    kind: 'cniCacheV1',
    containerId: runtime.containerId,
    config: Buffer.from(list.text).toString('base64'),
    ifName: runtime.ifName,
    networkName: list.name,
    netns: runtime.netns,
    ...(runtime.args === undefined ? {} : { cniArgs: runtime.args }),
    ...(runtime.capabilityArgs === undefined ? {} : { capabilityArgs: runtime.capabilityArgs }),
    result,
  };
}

function runtimeOf({ containerId, netns, ifName, cniArgs, capabilityArgs }: CachedInfo): RuntimeConf {
  return {
    containerId,
    netns,
    ifName,
    ...(cniArgs === undefined ? {} : { args: cniArgs }),
    ...(capabilityArgs === undefined ? {} : { capabilityArgs }),
  };
}

function readdirIfThere(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
