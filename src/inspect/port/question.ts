import {
  invalid,
  parseIp,
  parsePort,
  parseProtocol,
  type Ip,
  type Port,
  type Protocol,
} from '../../model/index.ts';

/** What is asked about: a port of the host, of one of its addresses, or of a container. */
export interface PortQuestion {
  readonly protocol: Protocol;
  readonly port: Port;
  /** The port is this container's own, by name, id or the beginning of an id. */
  readonly container?: string;
  /** The port is asked for at this address only. */
  readonly address?: Ip;
  readonly from: readonly Origin[];
}

/** Where the question comes from: another machine, this host by its own or its loopback address, or a container. */
export type Origin = 'lan' | 'host' | 'localhost' | { readonly container: string };

const wellKnown = ['lan', 'host', 'localhost'] as const;

/**
 * Reads `8088`, `8088/udp`, `192.0.2.1:8088`, `[::1]:8088` or `web:80/tcp`.
 *
 * @param from `lan`, `host`, `localhost` or the name of a container; without one `lan` and `localhost` are both asked
 * @throws invalid-input
 */
export function parsePortQuestion(text: string, from?: string): PortQuestion {
  const matched = /^(?:(?<place>.+):)?(?<port>\d{1,5})(?:\/(?<protocol>[a-z]+))?$/.exec(text);
  const { place, port, protocol } = matched?.groups ?? {};
  if (port === undefined) throw invalid('port', text, 'PORT[/PROTOCOL], CONTAINER:PORT or ADDRESS:PORT');
  const asked = parsePlace(place);
  // From elsewhere a loopback address is another machine's.
  const isLoopback = asked.address === '::1' || asked.address?.startsWith('127.') === true;
  const usual: readonly Origin[] = isLoopback ? ['localhost'] : ['lan', 'localhost'];
  return {
    protocol: parseProtocol(protocol ?? 'tcp'),
    port: parsePort(Number(port)),
    ...asked,
    from: from === undefined ? usual : [parseOrigin(from)],
  };
}

/** The question in the form that `parsePortQuestion` reads. */
export function formatPortQuestion({ container, address, port, protocol }: PortQuestion): string {
  const place = container ?? (address === undefined ? undefined : formatIp(address));
  return `${place === undefined ? '' : `${place}:`}${port}/${protocol}`;
}

/** An origin as `--from` takes it. */
export function formatOrigin(origin: Origin): string {
  return typeof origin === 'string' ? origin : origin.container;
}

/** An address fit to stand before a colon. */
export function formatIp(ip: Ip): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}

function parsePlace(place: string | undefined): Pick<PortQuestion, 'container' | 'address'> {
  if (place === undefined) return {};
  const [, bracketed] = /^\[(.+)\]$/.exec(place) ?? [];
  if (bracketed !== undefined) return { address: parseIp(bracketed) };
  if (/[[\]:]/.test(place)) throw invalid('port', place, 'an IPv6 address in brackets, as in [::1]:8088');
  return /^[\d.]+$/.test(place) && place.includes('.') ? { address: parseIp(place) } : { container: place };
}

function parseOrigin(from: string): Origin {
  if (from === '') throw invalid('--from', from, 'lan, host, localhost or the name of a container');
  return wellKnown.find((each) => each === from) ?? { container: from };
}
