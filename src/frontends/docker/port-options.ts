import * as v from 'valibot';
import {
  invalid,
  parseIp,
  parsePort,
  parseProtocol,
  type Ip,
  type PortRange,
  type PortRequest,
} from '../../model/index.ts';

/** Where an engine puts the published ports. Source: libnetwork `netlabel.PortMap`. */
export const portMapKey = 'com.docker.network.portmap';

/**
 * Where an engine from 28 on says that a container has its IPv6 gateway in another network than its IPv4 one. Source:
 * libnetwork `netlabel.NoProxy6To4`.
 */
export const splitGatewaysKey = 'com.docker.network.driver.private.no_proxy_6to4';

/** One published port as an engine writes it. Source: libnetwork `types.PortBinding`. */
export const portMapSchema = v.array(
  v.object({
    Proto: v.number(),
    Port: v.number(),
    HostIP: v.optional(v.string(), ''),
    HostPort: v.optional(v.number(), 0),
    HostPortEnd: v.optional(v.number(), 0),
  }),
);

/**
 * Reads the published ports, in the order of their container ports, so that the same request always gives the same
 * choice: engines send them in any order.
 *
 * @throws invalid-input
 */
export function parsePortMap(value: v.InferOutput<typeof portMapSchema>): PortRequest[] {
  const requests = value.map((entry, index): PortRequest => {
    const field = (name: string) => `${portMapKey}[${index}].${name}`;
    const hostPorts = parseHostPorts(entry.HostPort, entry.HostPortEnd, field('HostPort'));
    const hostIp = parseHostIp(entry.HostIP, field('HostIP'));
    return {
      protocol: parseProtocol(entry.Proto, field('Proto')),
      containerPort: parsePort(entry.Port, field('Port')),
      ...(hostIp === undefined ? {} : { hostIp }),
      ...(hostPorts === undefined ? {} : { hostPorts }),
    };
  });
  return requests.sort((one, other) => sortKey(one) - sortKey(other));
}

function sortKey({ hostPorts, containerPort }: PortRequest): number {
  // Fixed ports first: a range must not take what another entry needs.
  const width = hostPorts === undefined ? 0xffff : hostPorts.last - hostPorts.first;
  return width * 0x10000 + containerPort;
}

/** 0 lets us choose; an end of 0 is a range of one. */
function parseHostPorts(first: number, last: number, field: string): PortRange | undefined {
  if (first === 0) return undefined;
  const range = { first: parsePort(first, field), last: parsePort(last === 0 ? first : last, `${field}End`) };
  if (range.last < range.first) throw invalid(`${field}End`, last, `a port from ${first} to 65535`);
  return range;
}

function parseHostIp(text: string, field: string): Ip | undefined {
  return text === '' ? undefined : parseIp(text, field);
}
