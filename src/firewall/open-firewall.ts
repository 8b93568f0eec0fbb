import { readDefaultFlavour } from '../kernel/iptables/iptables.ts';
import { runCommand } from '../kernel/run-command.ts';
import { TsnetError } from '../model/errors.ts';
import type { Firewall, FirewallBackend, FirewallPlace } from './firewall.ts';
import { IptablesFirewall } from './iptables/iptables-firewall.ts';
import { NftablesFirewall } from './nftables/nftables-firewall.ts';

/** Which firewall to use, and where. */
export interface FirewallOptions extends FirewallPlace {
  /** `iptables` is the flavour that plain `iptables` has; `auto` is nftables where nft(8) works, else `iptables`. */
  readonly backend: FirewallBackend | 'iptables' | 'auto';
}

/**
 * Opens the firewall of a network namespace; nothing in the kernel changes yet.
 *
 * @throws unsupported when the program that it needs is missing, denied, not-found when there is no such namespace
 */
export async function openFirewall({ backend, ...place }: FirewallOptions): Promise<Firewall> {
  switch (backend) {
    case 'nftables':
      return NftablesFirewall.open(place);
    case 'iptables-nft':
      return IptablesFirewall.open('nft', place);
    case 'iptables-legacy':
      return IptablesFirewall.open('legacy', place);
    case 'iptables':
      return IptablesFirewall.open(await flavour(), place);
    case 'auto':
      return (await hasNft(place.netns))
        ? NftablesFirewall.open(place)
        : IptablesFirewall.open(await flavour(), place);
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
