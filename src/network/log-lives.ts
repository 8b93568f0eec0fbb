import type { Endpoint, Network } from '../model/index.ts';
import type { Intent } from '../plan/index.ts';
import type { Context } from './context.ts';

/**
 * Logs what an operation made and ended, one line each: networks, endpoints from when they have a sandbox, and ports that
 * an engine publishes or closes in between. Who had an address last night is answered from these lines.
 */
export function logLives({ log }: Context, before: Intent, after: Intent): void {
  const network = after.network ?? before.network;
  if (network === undefined) return;
  if (before.network === undefined) log.info('network made', networkFields(network));
  const earlier = new Map(before.endpoints.filter(isJoined).map((one) => [one.id, one]));
  for (const endpoint of after.endpoints.filter(isJoined)) {
    const known = earlier.get(endpoint.id);
    earlier.delete(endpoint.id);
    if (known === undefined) log.info('endpoint made', endpointFields(network, endpoint));
    else if (known !== endpoint && portsOf(known).join() !== portsOf(endpoint).join())
      log.info('ports changed', endpointFields(network, endpoint));
  }
  for (const ended of earlier.values()) log.info('endpoint ended', endpointFields(network, ended));
  if (after.network === undefined) log.info('network ended', networkFields(network));
}

function isJoined({ sandbox }: Endpoint): boolean {
  return sandbox !== undefined;
}

function networkFields({ id, name, origin, bridge, subnets }: Network): Readonly<Record<string, unknown>> {
  return { network: id, name, origin, bridge, subnets: subnets.map(({ subnet }) => subnet) };
}

function endpointFields(network: Network, endpoint: Endpoint): Readonly<Record<string, unknown>> {
  const { id, container, sandbox, addresses, mac } = endpoint;
  return {
    endpoint: id,
    network: network.id,
    name: network.name,
    container: container?.name ?? container?.id,
    // All that Docker tells of a container.
    sandbox: sandbox?.path,
    addresses,
    mac,
    ports: portsOf(endpoint),
  };
}

/** As `docker port` writes them; a star stands for every address. */
function portsOf({ ports, openPorts = [] }: Endpoint): string[] {
  return [
    ...ports.map(
      ({ hostIp = '*', hostPort, containerPort, protocol }) =>
        `${hostIp.includes(':') ? `[${hostIp}]` : hostIp}:${hostPort}->${containerPort}/${protocol}`,
    ),
    ...openPorts.map(({ port, protocol }) => `${port}/${protocol}`),
  ];
}
