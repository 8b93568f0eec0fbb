import { existsSync } from 'node:fs';
import { TsnetError } from '../../model/errors.ts';
import type { IpFamily } from '../../model/ip.ts';
import { runCommand } from '../run-command.ts';
import { formatRestore, type TableChange, type TableName } from './format-restore.ts';
import { parseSave, type SavedTables } from './parse-save.ts';

/** Which of the two kernel interfaces an iptables program writes to. Both can be in use on one host. */
export type IptablesFlavour = 'nft' | 'legacy';

/** Seconds to wait for another program that changes a table of the legacy flavour. */
const lockWaitSeconds = 5;

/** The flavour of plain `iptables`; `undefined` when it is not installed. */
export async function readDefaultFlavour(): Promise<IptablesFlavour | undefined> {
  try {
    // Source: iptables 1.8 prints `iptables v1.8.9 (nf_tables)`; older versions know one flavour and print none.
    const { stdout } = await runCommand('iptables', ['-V']);
    return stdout.includes('nf_tables') ? 'nft' : 'legacy';
  } catch (error) {
    if (error instanceof TsnetError && error.kind === 'unsupported') return undefined;
    throw error;
  }
}

/** The families that rules can be made for: IPv6 may be missing from a kernel. */
export function availableFamilies(): readonly IpFamily[] {
  return existsSync('/proc/sys/net/ipv6') ? [4, 6] : [4];
}

/**
 * The rules of one flavour and family.
 *
 * @param tables which; absent means all that are in use. Naming a table of the legacy flavour puts it in use.
 * @throws unsupported, denied, try-again, kernel
 */
export async function readTables(
  flavour: IptablesFlavour,
  family: IpFamily,
  options: { readonly table?: TableName; readonly netns?: string } = {},
): Promise<SavedTables> {
  const { table, ...place } = options;
  const args = table === undefined ? [] : ['-t', table];
  const { stdout } = await runCommand(program(flavour, family, 'save'), args, place);
  return parseSave(stdout);
}

/**
 * The rules of one flavour and family as `iptables-save` prints them, with counters.
 *
 * @throws as `readTables`
 */
export async function saveTables(
  flavour: IptablesFlavour,
  family: IpFamily,
  place: { readonly netns?: string } = {},
): Promise<string> {
  return (await runCommand(program(flavour, family, 'save'), ['-c'], place)).stdout;
}

/**
 * Changes tables of one flavour and family; each table is changed wholly or not at all.
 *
 * @throws unsupported, denied, try-again when the lock of the legacy flavour stays held, kernel
 */
export async function changeTables(
  flavour: IptablesFlavour,
  family: IpFamily,
  changes: readonly TableChange[],
  place: { readonly netns?: string } = {},
): Promise<void> {
  if (changes.length === 0) return;
  await runCommand(program(flavour, family, 'restore'), ['--noflush', '-w', String(lockWaitSeconds)], {
    ...place,
    input: formatRestore(changes),
  });
}

function program(flavour: IptablesFlavour, family: IpFamily, verb: 'save' | 'restore'): string {
  return `${family === 4 ? 'iptables' : 'ip6tables'}-${flavour}-${verb}`;
}
