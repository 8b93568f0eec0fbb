import { Option, type Command } from 'commander';
import { isAbsolute } from 'node:path';
import { invalid } from '../../model/index.ts';
import type { Settings } from '../../network/index.ts';

interface GlobalFlags {
  readonly stateDir: string;
  readonly runDir: string;
  readonly firewall: Settings['firewall'];
  readonly json?: boolean;
}

/** Adds the flags that every command knows, each settable in the environment as well. */
export function addGlobalFlags(program: Command): Command {
  return program
    .addOption(
      flag('--state-dir <path>', 'records of networks and endpoints', '/var/lib/tsnet', 'TSNET_STATE_DIR'),
    )
    .addOption(flag('--run-dir <path>', 'locks and records of this boot', '/run/tsnet', 'TSNET_RUN_DIR'))
    .addOption(
      flag('--firewall <backend>', 'what translates and filters', 'auto', 'TSNET_FIREWALL').choices([
        'nftables',
        'iptables',
        'auto',
      ]),
    )
    .option('--json', 'print JSON for machines');
}

/** A flag with its default and its name in the environment. */
export function flag(flags: string, description: string, fallback: string, environment: string): Option {
  return new Option(flags, description).default(fallback).env(environment);
}

/** The settings that a command was called with. @throws invalid-input for a relative path */
export function readSettings(command: Command): Settings {
  const flags = command.optsWithGlobals<GlobalFlags>();
  return {
    stateDirectory: absolute(flags.stateDir, '--state-dir'),
    runDirectory: absolute(flags.runDir, '--run-dir'),
    firewall: flags.firewall,
  };
}

/** Whether the command was asked for JSON. */
export function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<GlobalFlags>().json === true;
}

/** A path that does not depend on where a process runs. @throws invalid-input */
export function absolute(path: string, field: string): string {
  if (!isAbsolute(path) || path.includes('\0')) throw invalid(field, path, 'an absolute path');
  return path;
}
