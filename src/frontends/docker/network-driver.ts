import {
  contains,
  gatewayOf,
  invalid,
  ipOf,
  overlaps,
  parseAddress,
  parseEndpointId,
  parseIp,
  parseMac,
  parseNetworkId,
  parseSubnet,
  type Address,
  type EndpointId,
  type Ip,
  type NetworkId,
  type NetworkSubnet,
  type PoolId,
  type Subnet,
} from '../../model/index.ts';
import {
  createEndpoint,
  createNetwork,
  deleteEndpoint,
  deleteNetwork,
  join,
  publish,
  unpublish,
  type Context,
} from '../../network/index.ts';
import { addressSpaces } from './ipam-driver.ts';
import { parseNetworkOptions, unknownDockerKeys } from './network-options.ts';
import { parsePortMap, portMapKey, splitGatewaysKey } from './port-options.ts';
import { parseEndpointOptions } from './shaping-options.ts';
import {
  createEndpointSchema,
  createNetworkSchema,
  decode,
  endpointSchema,
  gwAllocCheckSchema,
  joinSchema,
  networkSchema,
  programSchema,
} from './requests.ts';
import type { Calls } from './calls.ts';

/** The calls of a network driver. Source: libnetwork docs/remote.md and what engines 20.10 to 28.5 were seen to send. */
export const networkDriver: Calls = {
  'NetworkDriver.GetCapabilities': {
    run: () => ({ Scope: 'local', ConnectivityScope: 'local', GwAllocChecker: true }),
  },

  // Engines from 28 on ask whether a gateway's address is needed before they take one.
  'NetworkDriver.GwAllocCheck': {
    run: (_, body) => {
      const { Options } = decode(gwAllocCheckSchema, body);
      const isInternal = Options['com.docker.network.internal'];
      const options = parseNetworkOptions(Options['com.docker.network.generic'], isInternal);
      return {
        SkipIPv4: options.gatewayMode4 === 'isolated' || (isInternal && options.inhibitsIpv4 === true),
        SkipIPv6: options.gatewayMode6 === 'isolated',
      };
    },
  },

  'NetworkDriver.CreateNetwork': {
    run: async (context, body) => {
      const request = decode(createNetworkSchema, body);
      const id = parseNetworkId(request.NetworkID);
      const options = request.Options['com.docker.network.generic'];
      const isInternal = request.Options['com.docker.network.internal'];
      const parsed = parseNetworkOptions(options, isInternal);
      const unknown = unknownDockerKeys(options);
      if (unknown.length > 0)
        context.log.warn('options without meaning here', { network: id, keys: unknown });
      const data = [...request.IPv4Data.map(named('IPv4Data')), ...request.IPv6Data.map(named('IPv6Data'))];
      const subnets = data.flatMap(subnetOf);
      await createNetwork(context, {
        id,
        origin: 'docker',
        subnets: subnets.map(({ subnet, gateway }) => ({
          subnet,
          ...(gateway === undefined ? {} : { gateway }),
        })),
        pools: poolsOf(context, subnets),
        reserved: data.flatMap(({ AuxAddresses, field }) =>
          Object.entries(AuxAddresses).map(([name, ip]) =>
            ipOf(parseAddress(ip, `${field}.AuxAddresses.${name}`)),
          ),
        ),
        isInternal,
        ...parsed,
        options,
      });
      return {};
    },
    undo: (context, body) => deleteNetwork(context, parseNetworkId(decode(networkSchema, body).NetworkID)),
  },

  'NetworkDriver.DeleteNetwork': {
    isRemoval: true,
    run: async (context, body) => {
      await deleteNetwork(context, parseNetworkId(decode(networkSchema, body).NetworkID));
      return {};
    },
  },

  'NetworkDriver.CreateEndpoint': {
    run: async (context, body) => {
      const { Interface: wanted, Options, ...ids } = decode(createEndpointSchema, body);
      const endpoint = await createEndpoint(context, {
        ...parseIds(ids),
        addresses: [
          ...parseOptional(wanted.Address, 'Interface.Address'),
          ...parseOptional(wanted.AddressIPv6, 'Interface.AddressIPv6'),
        ],
        ...(wanted.MacAddress ? { mac: parseMac(wanted.MacAddress, 'Interface.MacAddress') } : {}),
        ...parseEndpointOptions(Options),
      });
      // An engine refuses an answer that repeats what it gave, even the same value.
      return { Interface: wanted.MacAddress ? {} : { MacAddress: endpoint.mac } };
    },
    undo: removeEndpoint,
  },

  'NetworkDriver.Join': {
    run: async (context, body) => {
      const request = decode(joinSchema, body);
      const { network: networkId, id } = parseIds(request);
      const { network, endpoint } = await join(context, networkId, id, parseSandboxKey(request.SandboxKey));
      const gateway = network.isInternal ? undefined : gatewayOf(network, 4);
      const gateway6 = network.isInternal ? undefined : gatewayOf(network, 6);
      const has = (family: 4 | 6) =>
        endpoint.addresses.some((address) => address.includes(':') === (family === 6));
      return {
        InterfaceName: { SrcName: endpoint.containerLink, DstPrefix: network.interfacePrefix ?? 'eth' },
        // A gateway on an internal network would make the engine open the container's ports there.
        Gateway: has(4) ? (gateway ?? '') : '',
        GatewayIPv6: has(6) ? (gateway6 ?? '') : '',
        // Without it the engine plugs a container that has no gateway into a network of its own.
        DisableGatewayService: true,
      };
    },
  },

  'NetworkDriver.ProgramExternalConnectivity': {
    run: async (context, body) => {
      const request = decode(programSchema, body);
      const { network, id } = parseIds(request);
      const ports = parsePortMap(request.Options[portMapKey]);
      // Without ports an endpoint that is not known any more is no reason to fail.
      const isKnown = () => context.state.read((view) => view.endpoint(network, id) !== undefined);
      if (ports.length > 0 || isKnown())
        await publish(context, network, id, ports, { splitsFamilies: request.Options[splitGatewaysKey] });
      return {};
    },
  },

  'NetworkDriver.RevokeExternalConnectivity': { isRemoval: true, run: closePorts },

  // The link stays until the endpoint is deleted: in between, the engine takes it out of the container.
  'NetworkDriver.Leave': { isRemoval: true, run: closePorts },

  'NetworkDriver.DeleteEndpoint': {
    isRemoval: true,
    run: async (context, body) => {
      await removeEndpoint(context, body);
      return {};
    },
  },

  'NetworkDriver.EndpointOperInfo': {
    run: (_, body) => {
      parseIds(decode(endpointSchema, body));
      return { Value: {} };
    },
  },

  'NetworkDriver.AllocateNetwork': { run: () => ({ Options: {} }) },
  'NetworkDriver.FreeNetwork': { run: () => ({}) },
  'NetworkDriver.DiscoverNew': { run: () => ({}) },
  'NetworkDriver.DiscoverDelete': { run: () => ({}) },
};

async function closePorts(context: Context, body: unknown): Promise<object> {
  const { network, id } = parseIds(decode(endpointSchema, body));
  await unpublish(context, network, id);
  return {};
}

async function removeEndpoint(context: Context, body: unknown): Promise<void> {
  const { network, id } = parseIds(decode(endpointSchema, body));
  await deleteEndpoint(context, network, id);
}

function parseIds(request: { NetworkID: string; EndpointID: string }): {
  network: NetworkId;
  id: EndpointId;
} {
  return { network: parseNetworkId(request.NetworkID), id: parseEndpointId(request.EndpointID) };
}

function parseOptional(text: string, field: string): Address[] {
  return text ? [parseAddress(text, field)] : [];
}

function parseSandboxKey(path: string): string {
  if (path.startsWith('/') && !path.includes('\0') && path.length <= 4096) return path;
  throw invalid('SandboxKey', path, 'the absolute path of a network namespace');
}

interface AddressData {
  readonly AddressSpace: string;
  readonly Pool: string;
  readonly Gateway: string;
  readonly AuxAddresses: Readonly<Record<string, string>>;
}

interface NamedData extends AddressData {
  readonly field: string;
}

interface FoundSubnet extends NetworkSubnet {
  readonly space: string;
}

function named(list: string): (data: AddressData, index: number) => NamedData {
  return (data, index) => ({ ...data, field: `${list}[${index}]` });
}

/** The null IPAM gives a pool of everything, which is no subnet: such a network only switches frames. */
function subnetOf({ AddressSpace, Pool, Gateway, field }: NamedData): FoundSubnet[] {
  if (Pool === '0.0.0.0/0' || Pool === '::/0') return [];
  const subnet = parseSubnet(Pool, `${field}.Pool`);
  refuseUnusable(subnet, `${field}.Pool`);
  const gateway = Gateway ? gatewayIn(Gateway, `${field}.Gateway`) : undefined;
  if (gateway !== undefined && !contains(subnet, gateway) && !contains(linkLocal, gateway)) {
    throw invalid(`${field}.Gateway`, Gateway, `an address in ${subnet}`);
  }
  return [{ subnet, space: AddressSpace, ...(gateway === undefined ? {} : { gateway }) }];
}

const linkLocal = parseSubnet('fe80::/64');
const multicast = [parseSubnet('224.0.0.0/4'), parseSubnet('ff00::/8')];

/** A part of fe80::/64 would give every interface two link-local addresses with prefixes that disagree. */
function refuseUnusable(subnet: Subnet, field: string): void {
  if (multicast.some((range) => overlaps(range, subnet))) {
    throw invalid(field, subnet, 'addresses of hosts, not of groups');
  }
  if (subnet !== linkLocal && overlaps(linkLocal, subnet)) {
    throw invalid(field, subnet, `${linkLocal} itself, or addresses outside of it`);
  }
}

function gatewayIn(text: string, field: string): Ip | undefined {
  const ip = text.includes('/') ? ipOf(parseAddress(text, field)) : parseIp(text, field);
  return ip === '0.0.0.0' || ip === '::' ? undefined : ip;
}

/** Pools of our own IPAM are known by address space and range. */
function poolsOf(context: Context, subnets: readonly FoundSubnet[]): PoolId[] {
  const ours = subnets.filter(({ space }) => addressSpaces.includes(space));
  if (ours.length === 0) return [];
  return context.state.read((view) =>
    view
      .pools()
      .filter((pool) => ours.some(({ subnet, space }) => pool.subnet === subnet && pool.space === space))
      .map(({ id }) => id),
  );
}
