import {
  everywhere,
  familyOfRange,
  shortId,
  TsnetError,
  type IfName,
  type Ip,
  type IpFamily,
  type NamedSandbox,
  type Network,
  type PortRequest,
  type SandboxNetwork,
  type SandboxRoute,
} from '../model/index.ts';
import { attach, type Context } from '../network/index.ts';
import { endpointIdOf } from './endpoint-id.ts';
import { asBefore } from './former-attachment.ts';

/**
 * Brings a sandbox into a network by its next free interface, with the addresses and ports that it had there before if
 * they are free. The caller holds the lock of the sandbox.
 *
 * @throws not-found when the network is gone; what `attach` throws
 */
export async function attachSandbox(
  context: Context,
  sandbox: NamedSandbox,
  wish: SandboxNetwork,
  ports: readonly PortRequest[],
): Promise<void> {
  const former = asBefore(wish, ports);
  if (former === undefined) return attachWith(context, sandbox, wish, wish.ips, ports);
  try {
    await attachWith(context, sandbox, wish, former.ips, former.ports);
  } catch (error) {
    // Somebody has it by now, or it lies outside of what the network has become.
    const isGone = error instanceof TsnetError && ['conflict', 'invalid-input'].includes(error.kind);
    if (!isGone) throw error;
    await attachWith(context, sandbox, wish, wish.ips, ports);
  }
}

async function attachWith(
  context: Context,
  sandbox: NamedSandbox,
  { id, mac, aliases, shaping }: SandboxNetwork,
  ips: readonly Ip[],
  ports: readonly PortRequest[],
): Promise<void> {
  if (sandbox.netns.kind !== 'own') return;
  const network = context.state.read((view) => view.network(id));
  if (network === undefined) {
    throw new TsnetError('not-found', `connect ${sandbox.name}: network ${shortId(id)} is gone`);
  }
  const number = freeNumber(context, sandbox);
  await attach(context, {
    network: id,
    id: endpointIdOf(sandbox.id, id),
    container: { id: sandbox.id, name: sandbox.name },
    sandbox: sandbox.netns.path,
    interfaceName: `${network.interfacePrefix ?? 'eth'}${number}` as IfName,
    ...(mac === undefined ? {} : { mac }),
    wanted: ips,
    routes: defaultRoutes(network, number),
    ports,
    aliases,
    ...(shaping === undefined ? {} : { shaping }),
  });
}

/** Interfaces are numbered over all networks, whatever they are called. */
function freeNumber({ state }: Context, { id, networks }: NamedSandbox): number {
  const used = state.read((view) =>
    networks.flatMap(
      (network) => view.endpoint(network.id, endpointIdOf(id, network.id))?.containerLink ?? [],
    ),
  );
  const numbers = new Set(used.map((name) => Number(/\d+$/.exec(name)?.[0] ?? -1)));
  let number = 0;
  while (numbers.has(number)) number += 1;
  return number;
}

/**
 * Every network that leads out has a default route, later interfaces with a higher metric: when the first network is left
 * the kernel takes the next one by itself.
 */
function defaultRoutes(network: Network, number: number): SandboxRoute[] {
  if (network.isInternal) return [];
  const seen = new Set<IpFamily>();
  return network.subnets.flatMap(({ subnet, gateway }) => {
    const family = familyOfRange(subnet);
    if (gateway === undefined || seen.has(family)) return [];
    seen.add(family);
    return [defaultRoute(family, gateway, number)];
  });
}

/** The kernel's own metric is 0 for IPv4 and 1024 for IPv6. */
function defaultRoute(family: IpFamily, gateway: Ip, number: number): SandboxRoute {
  return {
    destination: everywhere(family),
    gateway,
    ...(number === 0 ? {} : { metric: 1024 + number }),
  };
}
