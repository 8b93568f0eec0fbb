import { readDefaultFlavour } from '../kernel/iptables/iptables.ts';
import { Nft } from '../kernel/nft/index.ts';
import { runCommand } from '../kernel/run-command.ts';
import { TsnetError } from '../model/errors.ts';
import type { Firewall, FirewallBackend, FirewallPlace, FirewallRules, RoutedResource } from './firewall.ts';
import { findBackendInUse } from './backend-in-use.ts';
import { FlushGuard } from './flush-guard/flush-guard.ts';
import { GuardedFirewall } from './guarded-firewall.ts';
import { IptablesFirewall } from './iptables/iptables-firewall.ts';
import { NftablesFirewall } from './nftables/nftables-firewall.ts';
import { SourceGuards } from './source-guard/source-guards.ts';

/** Which firewall to use, and where. */
export interface FirewallOptions extends FirewallPlace {
  /** `iptables` is the flavour that plain `iptables` has; `auto` is the one whose rules are there, else nftables where nft(8) works, else `iptables`. */
  readonly backend: FirewallBackend | 'iptables' | 'auto';
}

/**
 * Opens the firewall of a network namespace; nothing in the kernel changes yet.
 *
 * @throws unsupported when the program that it needs is missing, denied, not-found when there is no such namespace
 */
export async function openFirewall({ backend, ...place }: FirewallOptions): Promise<Firewall> {
  // One object for both, so that changes of guards count as our own in the revision.
  const nft = Nft.open(place.netns);
  try {
    const routed = await openBackend({ backend, ...place }, nft);
    return new GuardedFirewall(routed, new SourceGuards(nft, place.lockDirectory), new FlushGuard(nft));
  } catch (error) {
    nft[Symbol.dispose]();
    throw error;
  }
}

async function openBackend(
  { backend, ...place }: FirewallOptions,
  nft: Nft,
): Promise<FirewallRules<RoutedResource>> {
  switch (backend) {
    case 'nftables':
      return new NftablesFirewall(place, nft);
    case 'iptables-nft':
      return new IptablesFirewall('nft', place, nft);
    case 'iptables-legacy':
      return new IptablesFirewall('legacy', place, nft);
    case 'iptables':
      return new IptablesFirewall(await flavour(), place, nft);
    case 'auto': {
      const found = await findBackendInUse(nft, place.netns);
      const chosen = found ?? ((await hasNft(place.netns)) ? 'nftables' : 'iptables');
      return await openBackend({ backend: chosen, ...place }, nft);
    }
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
