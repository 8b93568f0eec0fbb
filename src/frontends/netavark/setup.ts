import {
  addressIn,
  boundsOf,
  contains,
  everywhere,
  familyOf,
  familyOfRange,
  invalid,
  ipOf,
  ipToNumber,
  parseIfName,
  parseIp,
  parseMac,
  type Address,
  type EndpointId,
  type NetworkId,
  type SandboxRoute,
} from '../../model/index.ts';
import {
  attach,
  createNetwork,
  detach,
  endIdleNetworks,
  isAsRequested,
  reachablePorts,
  type Attachment,
  type AttachRequest,
  type Context,
  type NetworkRequest,
} from '../../network/index.ts';
import { decode } from '../docker/requests.ts';
import { endpointIdOf } from './endpoint-id.ts';
import { parseContainerOptions } from './container-options.ts';
import { metricOf, parseNetwork, type RequestedNetwork } from './network-request.ts';
import { parsePortMappings } from './port-mappings.ts';
import { setupSchema } from './requests.ts';
import { statusOf, type StatusBlock } from './status-block.ts';

/** What `setup` gives. */
export interface SetUp {
  readonly status: StatusBlock;
  /** What the user should know, one line each. */
  readonly warnings: readonly string[];
}

/**
 * Attaches a container to a network, which is made with its first container.
 *
 * A record that the container or one of its addresses has already is a dead one: Podman gives out an address once and
 * sets an interface up once, so the end of the former owner was never told.
 *
 * @param path of the container's network namespace
 * @throws what `createNetwork` and `attach` throw
 */
export async function setUp(context: Context, path: string, body: unknown): Promise<SetUp> {
  const request = decode(setupSchema, body);
  const { network_options: options, container_id: container } = request;
  const wanted = parseNetwork(request.network);
  const network = wanted.request.id;
  const interfaceName = parseIfName(options.interface_name, 'network_options.interface_name');
  const { shaping } = parseContainerOptions(options.options);
  const id = endpointIdOf(network, container, interfaceName);
  const addresses = options.static_ips.map((ip, index) => addressOf(wanted, ip, `static_ips[${index}]`));
  if (addresses.length === 0 && wanted.request.subnets.length > 0) {
    throw invalid('network_options.static_ips', options.static_ips, 'the addresses that Podman chose');
  }
  const requests = parsePortMappings(request.port_mappings);
  const attachment = {
    network,
    id,
    container: { id: container, ...(request.container_name === '' ? {} : { name: request.container_name }) },
    sandbox: path,
    interfaceName,
    ...(options.static_mac === '' ? {} : { mac: parseMac(options.static_mac, 'static_mac') }),
    addresses,
    routes: [...wanted.routes, ...defaultRoutes(wanted, addresses, interfaceName)],
    aliases: options.aliases,
    ...(shaping === undefined ? {} : { shaping }),
  };
  await endIdleNetworks(context, 'netavark', network);
  await endDeadEndpoints(context, network, id, addresses);
  const families = new Set(addresses.map((address) => familyOfRange(address)));
  const { ports, unreachable } = reachablePorts(requests, families);
  // Podman holds every port before it asks, so nobody else has it.
  const made = await attachTo(context, wanted.request, {
    ...attachment,
    ports,
    sharesPorts: true,
    portKeepers: 'anybody',
  }).catch(async (error: unknown) => {
    await endIdleNetworks(context, 'netavark').catch((failed: unknown) =>
      context.log.warn('an unused network stays', { network, error: String(failed) }),
    );
    throw error;
  });
  const warnings = request.network.internal
    ? []
    : unreachable.map(
        ({ hostIp, containerPort }) =>
          `port ${containerPort} is not published on ${hostIp ?? 'the host'} through network ` +
          `${request.network.name}: the container has no such address in it`,
      );
  return { status: statusOf(made), warnings };
}

/** Attaches a container to a network, which is made where it is missing. */
async function attachTo(
  context: Context,
  network: NetworkRequest,
  request: AttachRequest,
): Promise<Attachment> {
  await ensureNetwork(context, network);
  try {
    return await attach(context, request);
  } catch (error) {
    if (context.state.read((view) => view.network(network.id)) !== undefined) throw error;
    // It went meanwhile: with its last container, or because whoever made it was killed, which is undone here.
    await ensureNetwork(context, network);
    return attach(context, request);
  }
}

async function ensureNetwork(context: Context, request: NetworkRequest): Promise<void> {
  const { found, isNameTaken } = context.state.read((view) => ({
    found: view.network(request.id),
    isNameTaken: view.networks().some(({ id, name }) => id !== request.id && name === request.name),
  }));
  // Names are Podman's business; others have networks of the same name.
  const { name: _, ...unnamed } = request;
  const wanted = isNameTaken ? unnamed : request;
  if (found !== undefined && isAsRequested(found, wanted)) return;
  await createNetwork(context, wanted, { changesInUse: true });
}

async function endDeadEndpoints(
  context: Context,
  network: NetworkId,
  id: EndpointId,
  addresses: readonly Address[],
): Promise<void> {
  const dead = context.state.read((view) => [
    ...(view.endpoint(network, id) === undefined ? [] : [id]),
    ...addresses.flatMap((address) => view.addressOwner(network, ipOf(address)) ?? []),
  ]);
  for (const endpoint of new Set(dead)) {
    context.log.warn('endpoint gives way: its container or address is set up anew', { network, endpoint });
    await detach(context, network, endpoint);
  }
}

function addressOf({ request }: RequestedNetwork, text: string, field: string): Address {
  const ip = parseIp(text, field);
  const found = request.subnets.find(({ subnet }) => contains(subnet, ip));
  if (found === undefined) {
    const ranges = request.subnets.map(({ subnet }) => subnet).join(' or ');
    throw invalid(
      field,
      text,
      ranges === '' ? 'none, because the network has no subnet' : `an address of ${ranges}`,
    );
  }
  const { first, last } = boundsOf(found.subnet);
  const number = ipToNumber(ip);
  const isReserved = number === first || (familyOf(ip) === 4 && number === last);
  if (ip === found.gateway || (isReserved && last - first > 1n)) {
    const holder = ip === found.gateway ? 'its gateway' : 'its network and broadcast address';
    throw invalid(field, text, `an address of ${found.subnet} other than ${holder}`);
  }
  return addressIn(ip, found.subnet);
}

function defaultRoutes(
  wanted: RequestedNetwork,
  addresses: readonly Address[],
  interfaceName: string,
): SandboxRoute[] {
  if (!wanted.hasDefaultRoute || wanted.request.isInternal) return [];
  const families = new Set(addresses.map((address) => familyOfRange(address)));
  return wanted.request.subnets.flatMap(({ subnet, gateway }) => {
    const family = familyOfRange(subnet);
    if (gateway === undefined || !families.has(family)) return [];
    return [{ destination: everywhere(family), gateway, metric: metricOf(wanted, interfaceName) }];
  });
}
