import { readTables } from '../kernel/iptables/iptables.ts';
import { readLegacyTables } from '../kernel/iptables/legacy-tables.ts';
import type { Nft } from '../kernel/nft/index.ts';
import { TsnetError } from '../model/errors.ts';
import type { FirewallBackend } from './firewall.ts';
import { filterChain } from './iptables/rules.ts';

/**
 * The back end whose rules of ours are there, found by their marks; undefined without any. A command that was not told
 * which one the daemon has must neither put another beside it nor miss the rules of this one.
 */
export async function findBackendInUse(
  nft: Nft,
  netns: string | undefined,
): Promise<FirewallBackend | undefined> {
  if (await hasChain(nft, 'inet', 'tsnet', 'forward')) return 'nftables';
  if (await hasChain(nft, 'ip', 'mangle', filterChain)) return 'iptables-nft';
  if (!readLegacyTables(4, netns).includes('mangle')) return undefined;
  const place = netns === undefined ? {} : { netns };
  const saved = await readTables('legacy', 4, { table: 'mangle', ...place });
  return saved.get('mangle')?.has(filterChain) === true ? 'iptables-legacy' : undefined;
}

async function hasChain(nft: Nft, family: 'inet' | 'ip', table: string, chain: string): Promise<boolean> {
  try {
    return await nft.hasChain({ family, name: table }, chain);
  } catch (error) {
    // A kernel without nftables has none.
    if (error instanceof TsnetError && error.kind !== 'denied') return false;
    throw error;
  }
}
