import { existsSync } from 'node:fs';
import { assertPrefix } from './assert-prefix.ts';
import { applyFiles, planFiles, planRemoval } from './files.ts';
import {
  conflistFile,
  defaultNetworkFile,
  defaultPluginFolder,
  noPluginFiles,
  pluginFiles,
  type PluginKind,
} from './plugin-files.ts';
import type { Step } from './step.ts';

/** How to install the executables. */
export interface PluginOptions {
  /** Folder that stands for `/`. */
  readonly prefix: string;
  /** Where the runtime looks for executables; absent: where it does by default. */
  readonly folder?: string;
  /** Whether the configuration of a first network is written too. */
  readonly hasConflist: boolean;
  /** Whether it is written where it takes the place of the node's default network. */
  readonly isDefault?: boolean;
  /** Plans and does nothing. */
  readonly isDryRun: boolean;
}

/**
 * Puts the executables where runtimes look for them, and for CNI the configuration of a first network where there is none,
 * or where it shall take the place of the node's default one. Repeated it changes nothing; after an update of tsnet it replaces what an older version put there. A
 * runtime finds the old file or the new one, never a part.
 *
 * @returns what was done, in order
 * @throws conflict for an executable that is not ours; denied
 */
export function installPlugins(kind: PluginKind, options: PluginOptions): Step[] {
  const { prefix, folder = defaultPluginFolder(kind, prefix), hasConflist, isDefault, isDryRun } = options;
  assertPrefix(prefix);
  const conflist = conflistFile(prefix);
  const isWanted = kind === 'cni' && hasConflist;
  const isThere = isWanted && existsSync(conflist.path);
  const other = isWanted && !isThere && isDefault !== true ? defaultNetworkFile(prefix) : undefined;
  const isWritten = isWanted && !isThere && other === undefined;
  const files = [...pluginFiles(kind, prefix, folder), ...(isWritten ? [conflist] : [])];
  const steps = planFiles(files);
  if (!isDryRun) applyFiles(files, steps);
  return [
    ...steps,
    ...(isThere
      ? [{ action: 'keep', subject: conflist.path, reason: 'a configuration is there' } as const]
      : []),
    ...(other === undefined
      ? []
      : [{ action: 'note', subject: othersNetwork(conflist.path, other) } as const]),
  ];
}

function othersNetwork(path: string, other: string): string {
  return `${path} is not written: ${other} is the node's default network; to take its place: --default`;
}

/** Takes back what `installPlugins` did; what somebody else wrote or changed is left. */
export function uninstallPlugins(
  kind: PluginKind,
  options: Omit<PluginOptions, 'hasConflist' | 'isDefault'>,
): Step[] {
  const { prefix, folder = defaultPluginFolder(kind, prefix), isDryRun } = options;
  assertPrefix(prefix);
  const files = [...noPluginFiles(kind, prefix, folder), ...(kind === 'cni' ? [conflistFile(prefix)] : [])];
  const steps = planRemoval(files);
  if (!isDryRun) applyFiles(files, steps);
  return steps;
}
