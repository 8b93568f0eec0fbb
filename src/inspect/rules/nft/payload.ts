import { hasPorts, type Facts } from '../facts.ts';
import { protocolNumber } from '../protocols.ts';
import { addressNumber } from '../ranges.ts';
import type { Domain, Selector, Value } from './selectors.ts';

type Read = (facts: Facts) => Value | undefined;

/** A field of a header: how it is read from a packet that has the header. */
type Field = readonly [Domain, Read];

const networkFields: Readonly<Record<string, Field>> = {
  saddr: ['address', ({ source }) => (source === undefined ? undefined : addressNumber(source))],
  daddr: [
    'address',
    ({ destination }) => (destination === undefined ? undefined : addressNumber(destination)),
  ],
  protocol: ['protocol', ({ protocol }) => (protocol === undefined ? undefined : protocolNumber(protocol))],
  nexthdr: ['protocol', ({ protocol }) => (protocol === undefined ? undefined : protocolNumber(protocol))],
  version: ['number', ({ family }) => family],
  'frag-off': ['number', () => 0],
};

const transportFields: Readonly<Record<string, Field>> = {
  dport: ['port', ({ destinationPort }) => destinationPort],
  sport: ['port', ({ sourcePort }) => sourcePort],
  // The packet that opens a connection carries SYN, and may carry the flags for congestion.
  flags: ['tcp-flags', ({ connection }) => (connection === 'new' ? { bits: 2, known: 63 } : undefined)],
};

const controlFields: Readonly<Record<string, Field>> = {
  // What begins a conversation in ICMP is a request for an echo.
  type: ['word', ({ connection }) => (connection === 'new' ? 'echo-request' : undefined)],
};

const unknownField: Field = ['number', () => undefined];

/** Headers that packets of ours don't have. */
const foreign = new Set(['ah', 'arp', 'comp', 'dccp', 'esp', 'gre', 'igmp', 'udplite']);

/**
 * A field of a header. A packet without the header never matches; what the field holds may not be known.
 *
 * @param protocol as nft(8) names headers; `th` is that of any protocol with ports
 */
export function payloadSelector(protocol: string, name: string): Selector | undefined {
  switch (protocol) {
    case 'ip':
    case 'ip6': {
      const wanted = protocol === 'ip' ? 4 : 6;
      return inHeader(networkFields[name], ({ family }) => family === undefined || family === wanted);
    }
    case 'tcp':
    case 'udp':
    case 'sctp':
      return inHeader(transportFields[name], (facts) => (facts.protocol ?? protocol) === protocol);
    case 'th':
      return inHeader(transportFields[name], (facts) => hasPorts(facts) !== false);
    case 'icmp':
    case 'icmpv6':
      return inHeader(controlFields[name], (facts) => (facts.protocol ?? protocol) === protocol);
    default:
      return foreign.has(protocol) ? { domain: 'number', read: () => null } : undefined;
  }
}

function inHeader([domain, read]: Field = unknownField, mayHave: (facts: Facts) => boolean): Selector {
  return {
    domain,
    read: (facts) => {
      if (!mayHave(facts)) return null;
      // Of a packet whose protocol is not known it is not known either whether it has the header.
      const isKnown = facts.family !== undefined && facts.protocol !== undefined;
      return isKnown || domain === 'port' || domain === 'protocol' ? read(facts) : undefined;
    },
  };
}
