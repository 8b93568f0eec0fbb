import {
  familyOf,
  parseIfName,
  parseIp,
  parsePort,
  parseSubnet,
  type NetworkRules,
  type OpenPort,
  type Protocol,
  type PublishedPort,
} from '../../../src/model/index.ts';

/** The rules of an open network that is named after its bridge. */
export function network(bridge: string, subnets: readonly string[]): NetworkRules {
  return {
    kind: 'network-rules',
    bridge: parseIfName(bridge),
    subnets: subnets.map((subnet) => parseSubnet(subnet)),
    isInternal: false,
    allowsIcc: true,
    masquerades: true,
    owner: `network:${bridge}`,
  };
}

/** A host port that leads to port 80 of an address. */
export function port(protocol: Protocol, hostPort: number, target: string, hostIp?: string): PublishedPort {
  return {
    kind: 'published-port',
    family: familyOf(parseIp(target)),
    protocol,
    ...(hostIp === undefined ? {} : { hostIp: parseIp(hostIp) }),
    hostPort: parsePort(hostPort),
    target: parseIp(target),
    targetPort: parsePort(80),
    owner: `endpoint:of-${target}`,
  };
}

/** Port 80 of an address, open at that address itself. */
export function openPort(protocol: Protocol, bridge: string, target: string): OpenPort {
  return {
    kind: 'open-port',
    bridge: parseIfName(bridge),
    protocol,
    target: parseIp(target),
    targetPort: parsePort(80),
    owner: `endpoint:of-${target}`,
  };
}
