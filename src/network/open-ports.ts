import {
  familyOf,
  gatewayModeOf,
  isUnspecified,
  type IpFamily,
  type Network,
  type OpenEndpointPort,
  type PortRequest,
} from '../model/index.ts';

/** The families in which host ports lead to the containers of a network. */
export function translatedFamilies(network: Network, families: ReadonlySet<IpFamily>): ReadonlySet<IpFamily> {
  return new Set([...families].filter((family) => gatewayModeOf(network, family) !== 'routed'));
}

/**
 * The published ports that answer at the container's own address as well, or, where the network is routed, instead of
 * at the host's.
 *
 * One that is published on a certain address of the host only is not opened: who asks for `127.0.0.1:8080:80` does not
 * want others to reach it by another way.
 */
export function openPortsOf(
  network: Network,
  families: ReadonlySet<IpFamily>,
  requests: readonly PortRequest[],
): OpenEndpointPort[] {
  if (network.isInternal) return [];
  const ports = [...families]
    .filter((family) => gatewayModeOf(network, family) === 'routed' || trustsInterfaces(network, family))
    .flatMap((family) =>
      requests
        .filter(
          ({ hostIp }) => hostIp === undefined || (isUnspecified(hostIp) && familyOf(hostIp) === family),
        )
        .map(({ protocol, containerPort }): OpenEndpointPort => ({ family, protocol, port: containerPort })),
    );
  // Two host ports may lead to one container port.
  return [...new Map(ports.map((port) => [Object.values(port).join(), port])).values()];
}

function trustsInterfaces({ trustedInterfaces = [], hostBindings }: Network, family: IpFamily): boolean {
  const isBound =
    hostBindings !== undefined && !hostBindings.some((ip) => isUnspecified(ip) && familyOf(ip) === family);
  return trustedInterfaces.length > 0 && !isBound;
}
