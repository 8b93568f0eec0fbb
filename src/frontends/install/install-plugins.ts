import { existsSync } from 'node:fs';
import { applyFiles, planFiles, planRemoval } from './files.ts';
import {
  conflistFile,
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
  /** Plans and does nothing. */
  readonly isDryRun: boolean;
}

/**
 * Puts the executables where runtimes look for them, and for CNI the configuration of a first network where there is none
 * of that name. Repeated it changes nothing; after an update of tsnet it replaces what an older version put there. A
 * runtime finds the old file or the new one, never a part.
 *
 * @returns what was done, in order
 * @throws conflict for an executable that is not ours; denied
 */
export function installPlugins(kind: PluginKind, options: PluginOptions): Step[] {
  const { prefix, folder = defaultPluginFolder(kind, prefix), hasConflist, isDryRun } = options;
  const conflist = conflistFile(prefix);
  const isWanted = kind === 'cni' && hasConflist;
  const isThere = isWanted && existsSync(conflist.path);
  const files = [...pluginFiles(kind, prefix, folder), ...(isWanted && !isThere ? [conflist] : [])];
  const steps = planFiles(files);
  if (!isDryRun) applyFiles(files, steps);
  return [
    ...steps,
    ...(isThere
      ? [{ action: 'keep', subject: conflist.path, reason: 'a configuration is there' } as const]
      : []),
  ];
}

/** Takes back what `installPlugins` did; what somebody else wrote or changed is left. */
export function uninstallPlugins(kind: PluginKind, options: Omit<PluginOptions, 'hasConflist'>): Step[] {
  const { prefix, folder = defaultPluginFolder(kind, prefix), isDryRun } = options;
  const files = [...noPluginFiles(kind, prefix, folder), ...(kind === 'cni' ? [conflistFile(prefix)] : [])];
  const steps = planRemoval(files);
  if (!isDryRun) applyFiles(files, steps);
  return steps;
}
