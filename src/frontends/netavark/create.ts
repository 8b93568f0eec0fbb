import {
  boundsOf,
  familyOfRange,
  ipFromNumber,
  overlaps,
  shortId,
  TsnetError,
  type IpFamily,
  type Subnet,
} from '../../model/index.ts';
import { proposeSubnet, type Context } from '../../network/index.ts';
import { decode } from '../docker/requests.ts';
import { parseNetwork } from './network-request.ts';
import { readPodmanNetworks, type KnownNetwork } from './podman-networks.ts';
import { networkSchema, type PodmanNetwork } from './requests.ts';

/** What stands in the answer beside everything that was asked. */
interface CompletedSubnet {
  readonly subnet: string;
  readonly gateway?: string;
}

/**
 * Checks a network and completes it: subnets where none were named, and their gateways. Nothing is made or recorded,
 * because Podman says nothing when it removes a network: it comes with its first container and goes with its last one.
 *
 * @param body the network as Podman has it; all its fields are handed back
 * @throws invalid-input; unsupported; conflict for addresses or a bridge that another network has; exhausted
 */
export async function create(context: Context, body: unknown, known = readPodmanNetworks()): Promise<object> {
  const asked = decode(networkSchema, body);
  if (asked.network_dns_servers.length > 0) {
    throw new TsnetError('unsupported', 'network_dns_servers: networks of this driver have no DNS server');
  }
  parseNetwork(asked);
  const subnets = await completeSubnets(context, asked, known);
  const completed = { ...asked, subnets: subnets.map((subnet) => ({ gateway: '', ...subnet })) };
  const { request } = parseNetwork(completed);
  refuseClashes(
    context,
    completed,
    request.subnets.map(({ subnet }) => subnet),
    known,
  );
  // Podman would tell containers of name servers that nobody runs.
  return {
    ...(body as object),
    ...(subnets.length === 0 ? {} : { subnets: subnets.map((subnet, index) => keep(body, index, subnet)) }),
    ipv6_enabled: asked.ipv6_enabled || request.subnets.some(({ subnet }) => familyOfRange(subnet) === 6),
    dns_enabled: false,
  };
}

/** Source: containers/common `libnetwork/internal/util/bridge.go`: what its own driver adds. */
async function completeSubnets(
  context: Context,
  { subnets, ipam_options, ipv6_enabled, internal }: PodmanNetwork,
  known: readonly KnownNetwork[],
): Promise<CompletedSubnet[]> {
  if (ipam_options['driver'] === 'none') return [];
  const completed = subnets.map(({ subnet, gateway }): CompletedSubnet => ({ subnet, gateway }));
  const has = (family: IpFamily) => completed.some(({ subnet }) => subnet.includes(':') === (family === 6));
  const taken = known.flatMap((network) => network.subnets);
  const lacking: IpFamily[] = [
    ...(has(4) || (has(6) && !ipv6_enabled) ? [] : [4 as const]),
    ...(has(6) || !ipv6_enabled ? [] : [6 as const]),
  ];
  for (const family of lacking) {
    completed.push({ subnet: await proposeSubnet(context, family, taken), gateway: '' });
  }
  return completed.map(({ subnet, gateway }) => {
    if (gateway !== undefined && gateway !== '') return { subnet, gateway };
    return internal ? { subnet } : { subnet, gateway: firstAddress(subnet as Subnet) };
  });
}

function firstAddress(subnet: Subnet): string {
  return ipFromNumber(boundsOf(subnet).first + 1n, familyOfRange(subnet));
}

/** The subnet as it was asked for, with its lease range and whatever else it has, and the gateway. */
function keep(body: unknown, index: number, completed: CompletedSubnet): object {
  const { subnets } = body as { readonly subnets?: readonly object[] | null };
  return { ...subnets?.[index], ...completed };
}

function refuseClashes(
  context: Context,
  { id, name, network_interface }: PodmanNetwork,
  subnets: readonly Subnet[],
  known: readonly KnownNetwork[],
): void {
  const others = context.state.read((view) => view.networks()).filter((network) => network.id !== id);
  const doing = `create network ${name}`;
  const sameBridge = others.find(({ bridge }) => bridge === network_interface);
  if (sameBridge !== undefined) {
    throw new TsnetError(
      'conflict',
      `${doing}: bridge ${network_interface} belongs to network ${sameBridge.name ?? shortId(sameBridge.id)}`,
    );
  }
  const taken = [
    ...others.map((network): KnownNetwork => ({
      name: network.name ?? shortId(network.id),
      subnets: network.subnets.map(({ subnet }) => subnet),
    })),
    ...known.filter((network) => network.name !== name),
  ];
  for (const other of taken) {
    const shared = other.subnets.find((theirs) => subnets.some((ours) => overlaps(ours, theirs)));
    if (shared === undefined) continue;
    throw new TsnetError('conflict', `${doing}: its addresses overlap network ${other.name} (${shared})`, {
      hint: 'choose another --subnet, or leave it out',
    });
  }
}
