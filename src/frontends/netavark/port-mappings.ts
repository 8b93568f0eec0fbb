import {
  familyOf,
  parseIp,
  parsePort,
  parseProtocol,
  invalid,
  type IpFamily,
  type PortRequest,
} from '../../model/index.ts';
import type { PortMapping } from './requests.ts';

/**
 * Reads published ports: one request for each port of a range and each protocol.
 *
 * Source: netavark `src/network/types.rs`, `PortMapping`.
 *
 * @throws invalid-input
 */
export function parsePortMappings(mappings: readonly PortMapping[]): PortRequest[] {
  return mappings.flatMap(({ container_port, host_port, host_ip, protocol, range }, index) => {
    const field = (name: string) => `port_mappings[${index}].${name}`;
    const length = range === 0 ? 1 : range;
    if (!Number.isInteger(length) || length < 1 || length > 65_535) {
      throw invalid(field('range'), range, 'a number of ports from 1 to 65535');
    }
    const hostIp = host_ip === '' ? undefined : parseIp(host_ip, field('host_ip'));
    return (protocol === '' ? 'tcp' : protocol).split(',').flatMap((name) => {
      const known = parseProtocol(name.trim(), field('protocol'));
      return Array.from({ length }, (_, offset): PortRequest => {
        const hostPort = parsePort(host_port + offset, field('host_port'));
        return {
          protocol: known,
          ...(hostIp === undefined ? {} : { hostIp }),
          hostPorts: { first: hostPort, last: hostPort },
          containerPort: parsePort(container_port + offset, field('container_port')),
        };
      });
    });
  });
}

/** The published ports of a container that one of its networks can take on. */
export interface ReachablePorts {
  readonly ports: readonly PortRequest[];
  /** Those on a host address of a family that the container has no address of there. */
  readonly unreachable: readonly PortRequest[];
}

/**
 * All published ports of a container are sent with each of its networks, also with those that have no address of the
 * right family.
 *
 * @param families those that the container has addresses of in the network
 */
export function reachablePorts(
  requests: readonly PortRequest[],
  families: ReadonlySet<IpFamily>,
): ReachablePorts {
  const isReachable = ({ hostIp }: PortRequest) =>
    hostIp === undefined ? families.size > 0 : families.has(familyOf(hostIp));
  return {
    ports: requests.filter(isReachable),
    unreachable: requests.filter((request) => !isReachable(request)),
  };
}
