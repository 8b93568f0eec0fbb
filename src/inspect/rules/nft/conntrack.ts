import { hasConnection, type Facts } from '../facts.ts';
import { protocolNumber } from '../protocols.ts';
import { addressNumber } from '../ranges.ts';
import { states, statuses } from './flags.ts';
import type { Domain, Selector, Value } from './selectors.ts';

/** A part of the packet's connection; `undefined` for what is not modelled. */
export function conntrackSelector(key: string, direction: string | undefined): Selector | undefined {
  switch (key) {
    case 'state':
      return selector('state', ({ connection }) =>
        connection === undefined ? undefined : { bits: states[connection] ?? 0, known: ~0 },
      );
    default: {
      const found = connectionSelector(key, direction);
      // Without a connection there is nothing to compare.
      return found && selector(found.domain, (facts) => (hasConnection(facts) ? found.read(facts) : null));
    }
  }
}

function connectionSelector(key: string, direction: string | undefined): Selector | undefined {
  if (key === 'status') return selector('status', conntrackStatus);
  if (key === 'direction')
    return selector('word', ({ connection }) => (connection === 'new' ? 'original' : undefined));
  if (direction !== 'original') return undefined;
  switch (key) {
    case 'ip daddr':
    case 'ip6 daddr':
    case 'daddr': {
      const family = key === 'daddr' ? undefined : key === 'ip daddr' ? 4 : 6;
      return selector('address', (facts) => {
        if (family !== undefined && facts.family !== undefined && facts.family !== family) return null;
        return facts.originalDestination === undefined ? undefined : addressNumber(facts.originalDestination);
      });
    }
    case 'proto-dst':
      return selector('port', (facts) => facts.originalDestinationPort);
    case 'protocol':
      return selector('protocol', ({ protocol }) =>
        protocol === undefined ? undefined : protocolNumber(protocol),
      );
    default:
      return undefined;
  }
}

function conntrackStatus({ connection, isTranslated }: Facts): Value | undefined {
  const { 'seen-reply': answered, confirmed, dnat, 'dnat-done': dnatDone, ...others } = statuses;
  const early = others.expected | others.assured | others.snat | answered | confirmed;
  let [bits, known] = [0, 0];
  // A new connection has seen no answer yet; an established one has, and was confirmed before.
  if (connection === 'new') known = early;
  if (connection === 'established') bits = known = answered | confirmed;
  if (isTranslated !== undefined) known |= dnat;
  if (isTranslated === true) {
    bits |= dnat | dnatDone;
    known |= dnatDone;
  }
  return { bits, known };
}

function selector(domain: Domain, read: Selector['read']): Selector {
  return { domain, read };
}
