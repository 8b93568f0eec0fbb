import { readDefaultFlavour } from '../kernel/iptables/iptables.ts';
import { runCommand } from '../kernel/run-command.ts';
import { TsnetError } from '../model/errors.ts';
import type { Firewall, FirewallBackend } from './firewall.ts';
import { IptablesFirewall } from './iptables/iptables-firewall.ts';
import { NftablesFirewall } from './nftables/nftables-firewall.ts';

/** Which firewall to use, and where. */
export interface FirewallOptions {
  /** `iptables` is the flavour that plain `iptables` has; `auto` is nftables where nft(8) works, else `iptables`. */
  readonly backend: FirewallBackend | 'iptables' | 'auto';
  /** Path of a network namespace; absent means the process's own. */
  readonly netns?: string;
}

/**
 * Opens the firewall of a network namespace; nothing in the kernel changes yet.
 *
 * @throws unsupported when the program that it needs is missing, denied, not-found when there is no such namespace
 */
export async function openFirewall({ backend, netns }: FirewallOptions): Promise<Firewall> {
  switch (backend) {
    case 'nftables':
      return NftablesFirewall.open(netns);
    case 'iptables-nft':
      return IptablesFirewall.open('nft', netns);
    case 'iptables-legacy':
      return IptablesFirewall.open('legacy', netns);
    case 'iptables':
      return IptablesFirewall.open(await flavour(), netns);
    case 'auto':
      return (await hasNft(netns))
        ? NftablesFirewall.open(netns)
        : IptablesFirewall.open(await flavour(), netns);
  }
}

async function flavour(): Promise<'nft' | 'legacy'> {
  const found = await readDefaultFlavour();
  if (found !== undefined) return found;
  throw new TsnetError('unsupported', 'open the firewall: neither nft nor iptables works here', {
    hint: 'install one of them, on Debian with: apt-get install nftables',
  });
}

/** Whether program and kernel both know nftables. */
async function hasNft(netns: string | undefined): Promise<boolean> {
  try {
    await runCommand('nft', ['list', 'tables', 'inet'], netns === undefined ? {} : { netns });
    return true;
  } catch (error) {
    if (error instanceof TsnetError && error.kind !== 'denied') return false;
    throw error;
  }
}
