import { invalid } from './errors.ts';

/** A transport protocol whose ports can be published. */
export type Protocol = 'tcp' | 'udp' | 'sctp';

/** A port number, 1 to 65535. */
export type Port = number & { readonly __brand: 'Port' };

/** Ports from `first` to `last`, both inclusive. */
export interface PortRange {
  readonly first: Port;
  readonly last: Port;
}

/** The number of each protocol in the IP header. Source: IANA protocol numbers. */
export const protocolNumbers: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Reads a port number. @throws invalid-input */
export function parsePort(value: unknown, field = 'port'): Port {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 65535) {
    throw invalid(field, value, 'a port number from 1 to 65535');
  }
  return value as Port;
}

/** Reads a protocol by name or by its number in the IP header. @throws invalid-input */
export function parseProtocol(value: unknown, field = 'protocol'): Protocol {
  for (const [name, number] of Object.entries(protocolNumbers)) {
    if (value === name || value === number) return name as Protocol;
  }
  throw invalid(field, value, 'tcp (6), udp (17) or sctp (132)');
}
