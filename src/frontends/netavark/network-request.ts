import {
  contains,
  familyOfRange,
  invalid,
  parseIfName,
  parseIp,
  parseNetworkId,
  parseSubnet,
  TsnetError,
  type NetworkSubnet,
  type SandboxRoute,
} from '../../model/index.ts';
import type { NetworkRequest } from '../../network/index.ts';
import { parsePodmanOptions } from './network-options.ts';
import type { PodmanNetwork } from './requests.ts';

/** What netavark gives default and static routes that name none. Source: netavark `src/network/constants.rs`. */
const usualMetric = 100;

/** A network of Podman in our words. */
export interface RequestedNetwork {
  readonly request: NetworkRequest;
  /** Routes in every container beside the default ones. */
  readonly routes: readonly SandboxRoute[];
  readonly hasDefaultRoute: boolean;
  /** Of the default routes; absent where none was named. */
  readonly metric?: number;
}

/**
 * Reads a network. Podman gives out its addresses, so it has no pool here.
 *
 * @throws invalid-input; unsupported for what Podman knows and this driver can't do
 */
export function parseNetwork(network: PodmanNetwork): RequestedNetwork {
  const { network: options, ...rest } = parsePodmanOptions(network.options, network.internal);
  refuseIpam(network);
  const subnets = parseSubnets(network);
  const bridge =
    network.network_interface === ''
      ? undefined
      : parseIfName(network.network_interface, 'network_interface');
  return {
    ...rest,
    routes: network.routes.map((route, index) => parseRoute(route, subnets, `routes[${index}]`)),
    request: {
      ...options,
      id: parseNetworkId(network.id, 'id'),
      origin: 'netavark',
      ...(network.name === '' ? {} : { name: network.name }),
      ...(bridge === undefined ? {} : { bridge }),
      isInternal: network.internal,
      subnets,
      pools: [],
      reserved: [],
      options: network.options,
    },
  };
}

/** A default route of a container, which the first interface wins: several ones are told apart by their numbers. */
export function metricOf({ metric }: RequestedNetwork, interfaceName: string): number {
  return metric ?? usualMetric + Number(/\d{0,3}$/.exec(interfaceName)?.[0] ?? 0);
}

function refuseIpam({ ipam_options, subnets }: PodmanNetwork): void {
  const driver = ipam_options['driver'] ?? '';
  if (driver === 'none') {
    if (subnets.length > 0)
      throw invalid('ipam_options.driver', driver, 'host-local for a network that has subnets');
  } else if (driver !== '' && driver !== 'host-local') {
    throw new TsnetError('unsupported', `ipam_options.driver: ${JSON.stringify(driver)} is not supported`, {
      hint: 'use host-local or none',
    });
  }
}

function parseSubnets({ subnets }: PodmanNetwork): NetworkSubnet[] {
  const parsed = subnets.map(({ subnet: text, gateway: ip }, index): NetworkSubnet => {
    const subnet = parseSubnet(text, `subnets[${index}].subnet`);
    if (ip === '') return { subnet };
    const field = `subnets[${index}].gateway`;
    const gateway = parseIp(ip, field);
    if (!contains(subnet, gateway)) throw invalid(field, ip, `an address of ${subnet}`);
    return { subnet, gateway };
  });
  for (const family of [4, 6] as const) {
    const [, second] = parsed.filter(({ subnet }) => familyOfRange(subnet) === family);
    if (second === undefined) continue;
    throw new TsnetError(
      'unsupported',
      `subnets: ${second.subnet} is the second of IPv${family}, and an interface has one address of each family`,
      { hint: 'create a network of its own for it' },
    );
  }
  return parsed;
}

function parseRoute(
  { destination, gateway: ip, metric, route_type: type }: PodmanNetwork['routes'][number],
  subnets: readonly NetworkSubnet[],
  field: string,
): SandboxRoute {
  if (type !== '' && type !== 'unicast') {
    throw new TsnetError('unsupported', `${field}.route_type: ${JSON.stringify(type)} is not supported`, {
      hint: 'only routes by a gateway are',
    });
  }
  const gateway = parseIp(ip, `${field}.gateway`);
  if (!subnets.some(({ subnet }) => contains(subnet, gateway))) {
    throw invalid(`${field}.gateway`, ip, "an address of one of the network's subnets");
  }
  if (
    metric !== null &&
    metric !== undefined &&
    !(Number.isInteger(metric) && metric >= 0 && metric <= 0xffff_ffff)
  ) {
    throw invalid(`${field}.metric`, metric, 'a number from 0 to 4294967295');
  }
  return {
    destination: parseSubnet(destination, `${field}.destination`),
    gateway,
    metric: metric ?? usualMetric,
  };
}
