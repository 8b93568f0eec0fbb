import { existsSync } from 'node:fs';
import { TsnetError } from '../../model/index.ts';
import { runCommand } from '../../kernel/run-command.ts';
import { units } from './docker-files.ts';
import type { Step } from './step.ts';

/** Starting waits until tsnet answers, which takes time after a reboot with many networks. */
const timeoutMs = 300_000;

/** Whether systemd manages this host. Source: sd_booted(3). */
export function isSystemdRunning(): boolean {
  return existsSync('/run/systemd/system');
}

/** Whether systemd listens for tsnet, or runs it, now. */
export async function isUnitActive(unit: (typeof units)[number]): Promise<boolean> {
  return runCommand('systemctl', ['is-active', '--quiet', unit]).then(
    () => true,
    () => false,
  );
}

/** Runs systemctl. @throws unavailable when a unit does not start; the hint says where to read why */
export async function systemctl(args: readonly string[]): Promise<void> {
  await runCommand('systemctl', args, { timeoutMs }).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TsnetError('unavailable', reason, { hint: 'journalctl -u tsnet.service -n 20', cause });
  });
}

/** A call of systemctl, as it is told. */
export function stepOf(args: readonly string[]): Step {
  return { action: 'run', subject: `systemctl ${args.join(' ')}` };
}
