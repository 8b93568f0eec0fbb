import {
  familyOf,
  ipOf,
  type Endpoint,
  type Ip,
  type PortBinding,
  type Protocol,
} from '../../model/index.ts';

/** Consecutive ports that lead to consecutive ports, as one. */
interface Run {
  readonly protocol: Protocol;
  readonly hostIp: Ip | '0.0.0.0' | '::';
  readonly hostPort: number;
  readonly containerPort: number;
  length: number;
}

/**
 * Published ports in the form of `docker ps`, such as `0.0.0.0:8000-8002->9000-9002/tcp`, by container port. Without a
 * host address a port answers in both families: one text for each that the endpoint has.
 */
export function formatPorts(ports: readonly PortBinding[], families: ReadonlySet<4 | 6>): string[] {
  const single = ports
    .flatMap((port) => hostIps(port, families).map((hostIp) => ({ ...port, hostIp })))
    .sort(
      (one, other) =>
        compare(one.hostIp, other.hostIp) ||
        compare(one.protocol, other.protocol) ||
        one.containerPort - other.containerPort ||
        one.hostPort - other.hostPort,
    );
  const runs: Run[] = [];
  for (const { protocol, hostIp, hostPort, containerPort } of single) {
    const last = runs.at(-1);
    if (
      last !== undefined &&
      last.protocol === protocol &&
      last.hostIp === hostIp &&
      last.hostPort + last.length === hostPort &&
      last.containerPort + last.length === containerPort
    )
      last.length += 1;
    else runs.push({ protocol, hostIp, hostPort, containerPort, length: 1 });
  }
  return runs.map(({ protocol, hostIp, hostPort, containerPort, length }) => {
    return `${bracketed(hostIp)}:${range(hostPort, length)}->${range(containerPort, length)}/${protocol}`;
  });
}

/** The ports of an endpoint that answer at its own address, each with that place, such as `10.1.0.2:80`. */
export function openPlaces({
  openPorts = [],
  addresses,
}: Pick<Endpoint, 'openPorts' | 'addresses'>): { readonly port: string; readonly place: string }[] {
  const ips = addresses.map((address) => ipOf(address));
  return openPorts.flatMap(({ family, protocol, port }) =>
    ips
      .filter((ip) => familyOf(ip) === family)
      .map((ip) => ({ port: `${port}/${protocol}`, place: `${bracketed(ip)}:${port}` })),
  );
}

function hostIps({ hostIp }: PortBinding, families: ReadonlySet<4 | 6>): Run['hostIp'][] {
  if (hostIp !== undefined) return [hostIp];
  return [...(families.has(4) ? (['0.0.0.0'] as const) : []), ...(families.has(6) ? (['::'] as const) : [])];
}

function bracketed(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}

function range(first: number, length: number): string {
  return length === 1 ? String(first) : `${first}-${first + length - 1}`;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
