import type { Command } from 'commander';
import { randomBytes } from 'node:crypto';
import {
  contains,
  invalid,
  parseIp,
  parseNetworkId,
  parseSubnet,
  TsnetError,
  type Ip,
  type Subnet,
} from '../../../model/index.ts';
import { createOwnNetwork, openContext, type Context } from '../../../network/index.ts';
import { parseNetworkOptions } from '../../docker/network-options.ts';
import { defaultNetworkName } from '../../../run/index.ts';
import { createLogger } from '../logger.ts';
import { printJson } from '../print.ts';
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
  refuseTakenName(context, name);
  const wanted = (flags.subnet ?? []).map((text) => parseSubnet(text, '--subnet'));
  const gateways = (flags.gateway ?? []).map((text) => parseIp(text, '--gateway'));
  const range = flags.ipRange === undefined ? undefined : parseSubnet(flags.ipRange, '--ip-range');
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

function refuseTakenName(context: Context, name: string): void {
  if (context.state.read((view) => view.networks().some((network) => network.name === name))) {
    throw new TsnetError('conflict', `create network ${name}: the name is taken`, {
      hint: 'tsnet network ls',
    });
  }
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
