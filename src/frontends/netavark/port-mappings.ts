import { parseIp, parsePort, parseProtocol, invalid, type PortRequest } from '../../model/index.ts';
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
