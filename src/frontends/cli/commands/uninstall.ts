import type { Command } from 'commander';
import { invalid } from '../../../model/index.ts';
import { uninstallDocker, uninstallPlugins, type PluginKind } from '../../install/index.ts';
import { createLogger } from '../logger.ts';
import { absolute, readSettings } from '../settings.ts';
import { printSteps, readPluginFlags, type PluginFlags } from './install.ts';

/** `tsnet uninstall docker` */
export async function uninstallForDocker(command: Command): Promise<void> {
  const flags = command.opts<{ prefix: string; dryRun?: boolean; purge?: boolean; force?: boolean }>();
  const isDryRun = flags.dryRun === true;
  if (flags.force === true && flags.purge !== true) throw invalid('--force', 'alone', '--purge beside it');
  const steps = await uninstallDocker(
    {
      prefix: absolute(flags.prefix, '--prefix'),
      isDryRun,
      purge: flags.purge !== true ? 'none' : flags.force === true ? 'all' : 'unused',
    },
    readSettings(command),
    createLogger('warn'),
  );
  printSteps(command, steps, isDryRun);
}

/** `tsnet uninstall cni`, `tsnet uninstall netavark` */
export function uninstallForPlugins(command: Command, kind: PluginKind): void {
  const options = readPluginFlags(command.opts<PluginFlags>());
  printSteps(command, uninstallPlugins(kind, options), options.isDryRun);
}
