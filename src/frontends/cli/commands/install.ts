import type { Command } from 'commander';
import { installDocker, installPlugins, type PluginKind, type Step } from '../../install/index.ts';
import { printJson } from '../print.ts';
import { absolute, wantsJson } from '../settings.ts';

/** `tsnet install docker` */
export async function installForDocker(command: Command): Promise<void> {
  const flags = command.opts<{ prefix: string; socket: string; dryRun?: boolean }>();
  const isDryRun = flags.dryRun === true;
  const steps = await installDocker({
    prefix: absolute(flags.prefix, '--prefix'),
    socket: absolute(flags.socket, '--socket'),
    isDryRun,
  });
  printSteps(command, steps, isDryRun);
}

/** `tsnet install cni`, `tsnet install netavark` */
export function installForPlugins(command: Command, kind: PluginKind): void {
  const flags = command.opts<PluginFlags & { conflist?: boolean; default?: boolean }>();
  const options = readPluginFlags(flags);
  const steps = installPlugins(kind, {
    ...options,
    hasConflist: flags.conflist !== false,
    isDefault: flags.default === true,
  });
  printSteps(command, steps, options.isDryRun);
}

/** The flags that installing and removing executables share. */
export interface PluginFlags {
  readonly prefix: string;
  readonly pluginDir?: string;
  readonly dryRun?: boolean;
}

/** Reads them. @throws invalid-input for a relative path */
export function readPluginFlags({ prefix, pluginDir, dryRun }: PluginFlags) {
  return {
    prefix: absolute(prefix, '--prefix'),
    ...(pluginDir === undefined ? {} : { folder: absolute(pluginDir, '--plugin-dir') }),
    isDryRun: dryRun === true,
  };
}

/** Prints what was done, one line each, or as JSON. */
export function printSteps(command: Command, steps: readonly Step[], isDryRun: boolean): void {
  if (wantsJson(command)) return printJson({ isDryRun, steps });
  for (const { action, subject, reason } of steps) {
    const [done, planned] = words[action];
    const verb = isDryRun ? planned : done;
    process.stdout.write(`${verb}${subject}${reason === undefined ? '' : ` (${reason})`}\n`);
  }
  if (steps.length === 0) process.stdout.write('nothing to do\n');
}

const words: Readonly<Record<Step['action'], readonly [done: string, planned: string]>> = {
  write: ['wrote ', 'would write '],
  replace: ['replaced ', 'would replace '],
  keep: ['kept ', 'would keep '],
  remove: ['removed ', 'would remove '],
  leave: ['left ', 'would leave '],
  run: ['ran ', 'would run '],
  note: ['', ''],
};
