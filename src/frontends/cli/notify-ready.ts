import { runCommand } from '../../kernel/run-command.ts';
import type { Logger } from '../../network/index.ts';

/**
 * Tells systemd that the service is ready, where it asked to be told. Done once, by systemd's own program: Node has no
 * datagram sockets of the unix family.
 *
 * Source: sd_notify(3), systemd-notify(1).
 */
export async function notifyReady(log: Logger): Promise<void> {
  if (process.env['NOTIFY_SOCKET'] === undefined) return;
  await runCommand('systemd-notify', ['--ready']).catch((error: unknown) => {
    log.warn('systemd was not told that tsnet is ready', { because: String(error) });
  });
  delete process.env['NOTIFY_SOCKET'];
}
