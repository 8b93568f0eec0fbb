import type { Command } from 'commander';
import { parseIp, parseMac } from '../../../model/index.ts';
import { connectSandbox } from '../../../run/index.ts';
import { printJson } from '../print.ts';
import { parseAlias } from '../run/parse-network-flag.ts';
import { limitsOfFlags, shapingOf, type ShapingFlags } from '../run/shaping-flags.ts';
import { openSandboxes } from '../run/open-sandboxes.ts';
import { wantsJson } from '../settings.ts';

interface Flags extends ShapingFlags {
  readonly ip?: string;
  readonly ip6?: string;
  readonly macAddress?: string;
  readonly alias?: readonly string[];
}

/** `tsnet connect NETWORK SANDBOX` */
export async function connect(command: Command, network: string, sandbox: string): Promise<void> {
  const flags = command.opts<Flags>();
  const { ip, ip6, macAddress, alias = [] } = flags;
  const wish = {
    network,
    ips: [
      ...(ip === undefined ? [] : [parseIp(ip, '--ip')]),
      ...(ip6 === undefined ? [] : [parseIp(ip6, '--ip6')]),
    ],
    aliases: alias.map((name) => parseAlias(name, '--alias')),
    ...(macAddress === undefined ? {} : { mac: parseMac(macAddress, '--mac-address') }),
    ...shapingOf(limitsOfFlags(flags)),
  };
  using context = await openSandboxes(command);
  const connected = await connectSandbox(context, sandbox, wish);
  if (wantsJson(command)) printJson(connected);
}
