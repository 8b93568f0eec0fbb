import type { SandboxId, SandboxName } from '../../../model/index.ts';
import type { Settings } from '../../../network/index.ts';

/**
 * The command line, hidden from people, that takes its network from a sandbox that has ended. It is executed with the
 * environment of the sandbox's command, which must not matter to it.
 */
export function commandAtEnd(settings: Settings, name: SandboxName, id: SandboxId): string[] {
  const [, program = ''] = process.argv;
  const flags = [
    ['--state-dir', settings.stateDirectory],
    ['--run-dir', settings.runDirectory],
    ['--firewall', settings.firewall],
  ];
  const environment = ['/usr/bin/env', '-i', `PATH=${process.env['PATH'] ?? ''}`];
  return [...environment, process.execPath, ...process.execArgv, program, ...flags.flat(), '__end', name, id];
}
