import {
  TsnetError,
  familyOf,
  isUnspecified,
  type Ip,
  type Port,
  type PortRange,
  type PortRequest,
  type Protocol,
} from '../model/index.ts';

/** Somebody who has a port on the host. */
export interface PortUser {
  /** Absent: on every address of both versions. */
  readonly hostIp?: Ip;
  /** Who it is, for the error: `endpoint:4f2a`, `process nginx (1234)`. */
  readonly owner: string;
}

/** Who has a port on any address of the host. */
export type PortUsers = (protocol: Protocol, port: Port) => readonly PortUser[];

/** What a choice of host ports depends on. */
export interface HostPorts {
  /** Published ports, tsnet's own. */
  readonly holders: PortUsers;
  /** Sockets of programs on the host; absent means that nobody listens. */
  readonly listeners?: PortUsers;
  /** Where ports that nobody named come from. */
  readonly dynamic?: PortRange;
  /** The dynamic port chosen last: the search goes on after it, so that a freed port rests as long as possible. */
  readonly last?: Port | undefined;
}

/**
 * The ports that are chosen from when nobody names one, as container engines do it. The kernel's own choice for outgoing
 * connections, 32768 to 60999, overlaps: listeners have to be looked at.
 *
 * Source: RFC 6335 section 6 (dynamic ports), Linux `ip_local_port_range`.
 */
export const defaultDynamicPorts: PortRange = { first: 49153 as Port, last: 65535 as Port };

/**
 * The host port for a request: the one it names, the lowest free one of the range it names, or a free one of the
 * dynamic range.
 *
 * @throws conflict if the one port, or every port of the named range, is in use; the message says by whom
 * @throws exhausted if no port of the dynamic range is free
 */
export function chooseHostPort(request: PortRequest, hostPorts: HostPorts): Port {
  const range = request.hostPorts ?? hostPorts.dynamic ?? defaultDynamicPorts;
  const start = request.hostPorts === undefined ? after(range, hostPorts.last) : range.first;
  for (const port of portsFrom(start, range)) {
    if (holderOf(request, port, hostPorts) === undefined) return port;
  }
  throw request.hostPorts === undefined ? exhausted(request, range) : conflict(request, range, hostPorts);
}

/** Who keeps a host port from being published on that address, if anybody does. */
export function holderOf(
  request: Pick<PortRequest, 'protocol' | 'hostIp'>,
  port: Port,
  { holders, listeners }: Pick<HostPorts, 'holders' | 'listeners'>,
): PortUser | undefined {
  const isInTheWay = (user: PortUser) => shareAddress(user.hostIp, request.hostIp);
  return (
    holders(request.protocol, port).find(isInTheWay) ?? listeners?.(request.protocol, port).find(isInTheWay)
  );
}

/**
 * Whether a port on the one address keeps the same port from being used on the other. No address means all of both
 * versions; `0.0.0.0` and `::` mean all of theirs.
 */
export function shareAddress(one: Ip | undefined, other: Ip | undefined): boolean {
  if (one === undefined || other === undefined || one === other) return true;
  return familyOf(one) === familyOf(other) && (isUnspecified(one) || isUnspecified(other));
}

function after(range: PortRange, last: Port | undefined): Port {
  if (last === undefined || last < range.first || last >= range.last) return range.first;
  return (last + 1) as Port;
}

function* portsFrom(start: Port, { first, last }: PortRange): Generator<Port> {
  for (let port: number = start; port <= last; port++) yield port as Port;
  for (let port: number = first; port < start; port++) yield port as Port;
}

function conflict(request: PortRequest, range: PortRange, hostPorts: HostPorts): TsnetError {
  const owner = holderOf(request, range.first, hostPorts)?.owner ?? 'somebody';
  const subject = `port ${describe(request, range)}`;
  const [who, hint] =
    range.first === range.last
      ? [`it is held by ${owner}`, 'choose another host port, or none to let tsnet choose']
      : [`all are held, the first by ${owner}`, 'choose other host ports, or none to let tsnet choose'];
  return new TsnetError('conflict', `publish ${subject}: ${who}`, { subject, hint });
}

function exhausted(request: PortRequest, range: PortRange): TsnetError {
  const subject = `port ${describe(request, range)}`;
  return new TsnetError('exhausted', `publish ${subject}: all are held`, {
    subject,
    hint: 'name a host port outside of this range, or remove endpoints that publish ports',
  });
}

function describe({ hostIp, protocol }: PortRequest, { first, last }: PortRange): string {
  const host = hostIp === undefined ? '' : hostIp.includes(':') ? `[${hostIp}]:` : `${hostIp}:`;
  return `${host}${first === last ? first : `${first}-${last}`}/${protocol}`;
}
