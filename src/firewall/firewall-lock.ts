import { closeSync } from 'node:fs';
import { openLockFile } from '../kernel/lock-file.ts';
import { native } from '../kernel/native.ts';
import { TsnetError } from '../model/errors.ts';

const timeoutMs = 30_000;

/**
 * Runs `action` while no other process of ours changes a firewall: a change is read, decided and written. iptables has no
 * other protection; in nftables one of several writers would start again and again. Taking it costs 5 µs.
 *
 * @param directory where the lock lies, the same for all; readable by root only, because whoever can open a file can
 *   keep it locked
 * @throws try-again when the lock stays held
 */
export async function withFirewallLock<T>(directory: string, action: () => Promise<T>): Promise<T> {
  const descriptor = openLockFile(`${directory}/firewall.lock`);
  try {
    await native()
      .flock(descriptor, 'exclusive', timeoutMs)
      .catch((cause: unknown) => {
        throw new TsnetError('try-again', 'lock the firewall: another process holds the lock', { cause });
      });
    return await action();
  } finally {
    // Closing unlocks.
    closeSync(descriptor);
  }
}
