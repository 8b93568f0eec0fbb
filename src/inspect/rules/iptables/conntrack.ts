import type { SavedOption } from '../../../kernel/iptables/parse-save.ts';
import { familyOf, type IpFamily } from '../../../model/index.ts';
import { addressMatch, portMatch, type Holds } from './matches.ts';
import { protocolNumber } from '../protocols.ts';
import { or, type Truth } from '../truth.ts';

/** What an option of the modules `conntrack` and `state` asks for; `undefined` for what is not modelled. */
export function parseConntrackOption({ name, values }: SavedOption, family: IpFamily): Holds | undefined {
  const [value = ''] = values;
  switch (name) {
    case '--ctstate':
    case '--state':
      return stateMatch(value.split(','));
    case '--ctstatus':
      return statusMatch(value.split(','));
    case '--ctdir':
      return ({ connection }) => (connection === 'new' ? value === 'ORIGINAL' : undefined);
    case '--ctproto': {
      const wanted = protocolNumber(value);
      return ({ protocol }) => (protocol === undefined ? undefined : protocolNumber(protocol) === wanted);
    }
    case '--ctorigdst':
      return addressMatch(value, ({ originalDestination }) =>
        originalDestination !== undefined && familyOf(originalDestination) === family
          ? originalDestination
          : undefined,
      );
    case '--ctorigdstport':
      return portMatch(value, ({ originalDestinationPort }) => originalDestinationPort);
    case '--ctorigsrc':
      // The source is translated last of all; an answer has that of the other side.
      return addressMatch(value, ({ connection, source }) => (connection === 'new' ? source : undefined));
    case '--ctorigsrcport':
      return portMatch(value, ({ connection, sourcePort }) =>
        connection === 'new' ? sourcePort : undefined,
      );
    default:
      return undefined;
  }
}

function stateMatch(states: readonly string[]): Holds {
  return ({ connection, isTranslated }) =>
    or(
      states.map((state): Truth => {
        if (state === 'DNAT') return isTranslated;
        if (state === 'SNAT') return connection === 'new' ? false : undefined;
        return connection === undefined ? undefined : connection.toUpperCase() === state;
      }),
    );
}

function statusMatch(statuses: readonly string[]): Holds {
  return ({ connection }) =>
    or(
      statuses.map((status): Truth => {
        const isNew = connection === 'new';
        if (status === 'NONE') return undefined;
        if (isNew) return false;
        return connection === 'established' && status !== 'ASSURED' && status !== 'EXPECTED'
          ? true
          : undefined;
      }),
    );
}
