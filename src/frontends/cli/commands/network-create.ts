import type { Command } from 'commander';
import { randomBytes } from 'node:crypto';
import {
  contains,
  familyOfRange,
  invalid,
  ipOf,
  parseAddress,
  parseIp,
  parseNetworkId,
  parseSubnet,
  prefixOf,
  printable,
  shortId,
  TsnetError,
  type Ip,
  type Subnet,
} from '../../../model/index.ts';
import { createOwnNetwork, openContext, type Context } from '../../../network/index.ts';
import { engineNames } from '../../../inspect/engines/docker.ts';
import { parseNetworkOptions } from '../../docker/network-options.ts';
import { defaultNetworkName } from '../../../run/index.ts';
import { createLogger } from '../logger.ts';
import { printJson } from '../print.ts';
import { printSilence } from '../print-silence.ts';
import { readSettings, wantsJson } from '../settings.ts';

interface Flags {
  readonly subnet?: readonly string[];
  readonly gateway?: readonly string[];
  readonly ipRange?: string;
  readonly internal?: boolean;
  readonly opt?: readonly string[];
  readonly driverOpt?: readonly string[];
}

const predefinedNames: readonly string[] = [defaultNetworkName, 'default', 'host', 'none'];

/** `tsnet network create NAME`: pools, gateways and the network, all or nothing. */
export async function create(command: Command, name: string): Promise<void> {
  const flags = command.opts<Flags>();
  if (!/^[A-Za-z0-9][\w.-]{0,127}$/.test(name)) {
    throw invalid('name', name, '1 to 128 letters, digits, dots, dashes or underscores');
  }
  if (predefinedNames.includes(name)) {
    throw invalid('name', name, "one that does not stand for a mode of 'tsnet run' or its default network");
  }
  const options = parsePairs([...(flags.opt ?? []), ...(flags.driverOpt ?? [])]);
  const parsed = parseNetworkOptions(options, flags.internal === true);
  using context = await openContext(readSettings(command), createLogger('warn'));
  await refuseTakenName(context, name);
  const wanted = (flags.subnet ?? []).map((text) => withRoom(readSubnet(text, '--subnet')));
  const gateways = (flags.gateway ?? []).map((text) => parseIp(text, '--gateway'));
  const range = flags.ipRange === undefined ? undefined : readSubnet(flags.ipRange, '--ip-range');
  refuseStrayGateway(gateways, wanted);
  const network = await createOwnNetwork(context, {
    id: parseNetworkId(randomBytes(32).toString('hex')),
    name,
    origin: 'cli',
    ranges: (wanted.length > 0 ? wanted : [undefined]).map((subnet, index) => ({
      family: subnet?.includes(':') === true ? 6 : 4,
      ...(subnet === undefined ? {} : { subnet }),
      ...(range === undefined || index > 0 ? {} : { range }),
    })),
    gatewayOf: ({ subnet }) => gateways.find((ip) => contains(subnet, ip)),
    isInternal: flags.internal === true,
    ...parsed,
    options,
  });
  if (wantsJson(command)) printJson(network);
  else process.stdout.write(`${network.id}\n`);
}

/** Each gateway is that of one subnet; of a subnet that is chosen nobody knows it. */
function refuseStrayGateway(gateways: readonly Ip[], subnets: readonly Subnet[]): void {
  const isFirst = (ip: Ip, index: number, subnet: Subnet) =>
    contains(subnet, ip) && gateways.findIndex((other) => contains(subnet, other)) === index;
  const stray = gateways.find((ip, index) => !subnets.some((subnet) => isFirst(ip, index, subnet)));
  if (stray !== undefined) {
    throw invalid('--gateway', stray, 'an address in one of the subnets, one for each');
  }
}

/** The gateway has the only address of such a subnet. */
function withRoom(subnet: Subnet): Subnet {
  if (prefixOf(subnet) < (familyOfRange(subnet) === 4 ? 32 : 128)) return subnet;
  throw invalid('--subnet', subnet, 'a range with room for a container beside the gateway');
}

/** Says so where a range is written with an address inside of it. */
function readSubnet(text: string, flag: string): Subnet {
  const subnet = parseSubnet(text, flag);
  if (ipOf(parseAddress(text, flag)) !== ipOf(parseAddress(subnet))) {
    process.stderr.write(`${flag} ${printable(text)} is taken for ${subnet}\n`);
  }
  return subnet;
}

/** A name that stands for two networks is of no use: the engine's networks of ours count as well. */
async function refuseTakenName(context: Context, name: string): Promise<void> {
  const names = await engineNames();
  printSilence(names.silence);
  const holder = context.state
    .read((view) => view.networks())
    .find((network) => network.name === name || names.networks.get(network.id) === name);
  if (holder === undefined) return;
  throw new TsnetError(
    'conflict',
    `create network ${name}: network ${shortId(holder.id)}, made by ${holder.origin}, has that name`,
    { hint: 'choose another name; tsnet network ls' },
  );
}

function parsePairs(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw invalid('--opt', pair, 'key=value');
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
