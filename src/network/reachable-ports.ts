import { familyOf, type IpFamily, type PortRequest } from '../model/index.ts';

/** The published ports of a container that one of its networks can take on. */
export interface ReachablePorts {
  readonly ports: readonly PortRequest[];
  /** Those on a host address of a family that the container has no address of there. */
  readonly unreachable: readonly PortRequest[];
}

/**
 * Runtimes send all published ports of a container with each of its networks, also with those that have no address of
 * the right family.
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
