import {
  invalid,
  parseIp,
  parsePort,
  parseProtocol,
  type Port,
  type PortRange,
  type PortRequest,
  type Protocol,
} from '../../../model/index.ts';

const allowed =
  '[ADDRESS:][HOST-PORT[-LAST]:]PORT[-LAST][/tcp|udp|sctp], such as 8080:80 or 127.0.0.1:8080:80/udp';

/**
 * Reads `-p` in every spelling of `docker run`: `80`, `8080:80`, `127.0.0.1:8080:80`, `127.0.0.1::80/udp`,
 * `8000-8005:80-85`, `8000-8005:80` (any of them), `[::1]:8080:80`, `published=8080,target=80,protocol=udp`. A range gives a
 * request for each of its ports.
 *
 * Source: github.com/docker/go-connections nat.ParsePortSpec; docker/cli `convertToStandardNotation`.
 *
 * @throws invalid-input
 */
export function parsePortFlag(text: string): PortRequest[] {
  const parts = text.includes('=') ? partsOfLongForm(text) : partsOf(text);
  const protocol = parseProtocol(parts.protocol.toLowerCase(), '-p');
  const hostIp = parts.ip === '' ? undefined : parseIp(parts.ip, '-p');
  const inside = parsePortRange(parts.inside, '-p', text);
  const outside = /^0?$/.test(parts.outside) ? undefined : parsePortRange(parts.outside, '-p', text);
  const count = sizeOf(inside);
  const isChoice = count === 1 && outside !== undefined;
  if (outside !== undefined && !isChoice && sizeOf(outside) !== count) {
    throw invalid('-p', text, `as many host ports as ports, ${count} and not ${sizeOf(outside)}`);
  }
  return Array.from({ length: count }, (_, offset) => ({
    protocol,
    containerPort: plus(inside.first, offset),
    ...(hostIp === undefined ? {} : { hostIp }),
    ...(outside === undefined ? {} : { hostPorts: isChoice ? outside : single(plus(outside.first, offset)) }),
  }));
}

/** Reads `--expose`: a port or a range, with a protocol. @throws invalid-input */
export function parseExposeFlag(text: string): { readonly protocol: Protocol; readonly port: Port }[] {
  const [ports = '', protocol = 'tcp', ...rest] = text.split('/');
  if (rest.length > 0) throw invalid('--expose', text, 'PORT[-LAST][/tcp|udp|sctp]');
  const range = parsePortRange(ports, '--expose', text);
  const known = parseProtocol(protocol.toLowerCase(), '--expose');
  return Array.from({ length: sizeOf(range) }, (_, offset) => ({
    protocol: known,
    port: plus(range.first, offset),
  }));
}

interface Parts {
  readonly ip: string;
  readonly outside: string;
  readonly inside: string;
  readonly protocol: string;
}

/** The last colon stands before the port, the one before it behind the address, which may have colons itself. */
function partsOf(text: string): Parts {
  const match =
    /^(?:(?:(?<ip>.*):)?(?<outside>[0-9-]*):)?(?<inside>[0-9-]+)(?:\/(?<protocol>[A-Za-z]+))?$/.exec(text);
  if (match?.groups === undefined) throw invalid('-p', text, allowed);
  const { ip = '', outside = '', inside = '', protocol = 'tcp' } = match.groups;
  return { ip: /^\[(.*)\]$/.exec(ip)?.[1] ?? ip, outside, inside, protocol };
}

function partsOfLongForm(text: string): Parts {
  const parts = new Map(text.split(',').map((pair) => pair.split('=', 2) as [string, string | undefined]));
  for (const key of parts.keys()) {
    if (!['published', 'target', 'protocol', 'mode'].includes(key)) {
      throw invalid('-p', text, 'published=HOST-PORT,target=PORT,protocol=tcp|udp|sctp');
    }
  }
  const { outside, inside } = { outside: parts.get('published') ?? '', inside: parts.get('target') ?? '' };
  return { ip: '', outside, inside, protocol: parts.get('protocol') ?? 'tcp' };
}

function parsePortRange(text: string, field: string, whole: string): PortRange {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) throw invalid(field, whole, field === '-p' ? allowed : 'PORT[-LAST][/tcp|udp|sctp]');
  const first = parsePort(Number(match[1]), field);
  const last = match[2] === undefined ? first : parsePort(Number(match[2]), field);
  if (last < first) throw invalid(field, whole, `a range whose last port is not below ${first}`);
  return { first, last };
}

function sizeOf({ first, last }: PortRange): number {
  return last - first + 1;
}

function single(port: Port): PortRange {
  return { first: port, last: port };
}

function plus(port: Port, offset: number): Port {
  return (port + offset) as Port;
}
