import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxHost } from './sandbox-host.ts';

/** Puts the run directory of a host into memory, as `/run` is. */
export async function useMemory(host: SandboxHost): Promise<void> {
  const run = join(host.folder, 'run');
  await host.exec('mkdir', '-p', run);
  await host.exec('mount', '-t', 'tmpfs', '-o', 'mode=0700', 'tmpfs', run);
}

/** Takes the power from a host, and gives it again: what is not on its disk is gone, and nobody could say a word before. */
export async function playBoot(host: SandboxHost): Promise<void> {
  const run = join(host.folder, 'run');
  const bootId = join(host.folder, 'boot-id');
  // It takes effect at the end: what is still ending belongs to the former boot.
  writeFileSync(`${bootId}.next`, `${randomUUID()}\n`);
  // The kernel lets a command end with its parent.
  await host.exec(
    'sh',
    '-ec',
    `for pid in $(pgrep -x tsnet-run); do
      if grep -qF '${host.folder}' /proc/$pid/cmdline; then kill -KILL $pid; fi
    done
    for name in $(ls /run/netns); do ip netns delete "$name"; done
    for link in $(ip -o link | grep -oE '(br-|ts[bvi]-)[0-9a-z-]+' | sort -u); do ip link delete "$link" || true; done
    nft flush ruleset
    if mountpoint -q '${run}'; then umount '${run}'; mount -t tmpfs -o mode=0700 tmpfs '${run}'; fi
    cp '${bootId}.next' '${bootId}'
    mountpoint -q /proc/sys/kernel/random/boot_id || mount --bind '${bootId}' /proc/sys/kernel/random/boot_id`,
  );
}
