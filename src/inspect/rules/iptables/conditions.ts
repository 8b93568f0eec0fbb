import type { SavedOption, SavedRule } from '../../../kernel/iptables/parse-save.ts';
import type { IpFamily } from '../../../model/index.ts';
import { hasConnection, type Facts } from '../facts.ts';
import { parseConntrackOption } from './conntrack.ts';
import { addressMatch, addressTypeMatch, linkMatch, markMatch, portMatch, type Holds } from './matches.ts';
import { protocolNumber } from '../protocols.ts';
import { match, unknownMatch, type Statement } from '../rules.ts';
import { not, or } from '../truth.ts';

/** Modules that ask for headers which a plain packet does not have. */
const rareHeaders = new Set(['ah', 'dst', 'esp', 'frag', 'hbh', 'ipv6header', 'mh', 'rt']);

/** Options of targets, and those that only refine others. */
const targetOptions = new Set(['-j', '-g', '-m', '--comment']);

/** What a rule asks for, one condition each. What is not modelled becomes a condition that can't be told. */
export function parseConditions(rule: SavedRule, family: IpFamily): Statement[] {
  const statements: Statement[] = [];
  let module = '';
  for (const option of rule.options) {
    // What follows a target are its own options.
    if (option.name === '-j' || option.name === '-g') break;
    if (option.name === '-m') {
      module = option.values[0] ?? '';
      statements.push(...moduleConditions(module, rule));
      continue;
    }
    if (targetOptions.has(option.name) || isJudgedWhole(module, option.name)) continue;
    const holds = parseOption(option, module, rule, family);
    if (holds === undefined) statements.push(unknownMatch);
    else statements.push(match(withSense(option, holds)));
  }
  return statements;
}

/** Turns a condition round where the option says so. Without a connection nothing but its state can be asked for. */
function withSense({ name, isInverted }: SavedOption, holds: Holds): Holds {
  const sensed: Holds = isInverted ? (facts) => not(holds(facts)) : holds;
  if (!name.startsWith('--ct') || name === '--ctstate') return sensed;
  return (facts) => (hasConnection(facts) ? sensed(facts) : false);
}

/** Modules whose options are judged together. */
function isJudgedWhole(module: string, option: string): boolean {
  if (/^-[sdiopf4-6]$/.test(option)) return false;
  return rareHeaders.has(module) || ['rpfilter', 'comment', 'recent', 'limit'].includes(module);
}

function moduleConditions(module: string, rule: SavedRule): Statement[] {
  if (rareHeaders.has(module)) return [match(() => false)];
  // Whoever asks looks at routes by other means: the way back counts as there.
  if (module === 'rpfilter') return [match(() => !rule.options.some(({ name }) => name === '--invert'))];
  if (module === 'limit') return [unknownMatch];
  // To remember an address always succeeds.
  if (module === 'recent') return rule.options.some(({ name }) => name === '--set') ? [] : [unknownMatch];
  return [];
}

function parseOption(
  option: SavedOption,
  module: string,
  rule: SavedRule,
  family: IpFamily,
): Holds | undefined {
  const [value = ''] = option.values;
  switch (option.name) {
    case '-s':
      return addressMatch(value, ({ source }) => source);
    case '-d':
      return addressMatch(value, ({ destination }) => destination);
    case '-i':
      return linkMatch(value, ({ inLink }) => inLink);
    case '-o':
      return linkMatch(value, ({ outLink }) => outLink);
    case '-p':
      return protocolMatch(value);
    case '-f':
      return () => false;
    default:
  }
  switch (module) {
    case 'tcp':
    case 'udp':
    case 'sctp':
    case 'multiport':
      return parsePortOption(option);
    case 'conntrack':
    case 'state':
      return parseConntrackOption(option, family);
    case 'addrtype':
      return parseAddressTypeOption(option, rule);
    case 'mark':
      return option.name === '--mark' ? markMatch(value) : undefined;
    case 'iprange':
      if (option.name === '--src-range') return addressMatch(value, ({ source }) => source);
      return option.name === '--dst-range'
        ? addressMatch(value, ({ destination }) => destination)
        : undefined;
    case 'physdev':
      return parseBridgePortOption(option);
    case 'icmp':
    case 'icmp6':
      return parseIcmpOption(option);
    case 'pkttype':
      return value === 'unicast' || value === 'multicast' || value === 'broadcast'
        ? addressTypeMatch(
            value === 'unicast' ? ['UNICAST', 'LOCAL'] : [value.toUpperCase()],
            'destination',
            false,
          )
        : undefined;
    default:
      return undefined;
  }
}

function protocolMatch(name: string): Holds | undefined {
  if (name === 'all' || name === '0') return () => true;
  const wanted = protocolNumber(name);
  return ({ protocol }) => (protocol === undefined ? undefined : protocolNumber(protocol) === wanted);
}

function parsePortOption({ name, values }: SavedOption): Holds | undefined {
  const [value = '', flags = ''] = values;
  switch (name) {
    case '--dport':
    case '--dports':
      return portMatch(value, ({ destinationPort }) => destinationPort);
    case '--sport':
    case '--sports':
      return portMatch(value, ({ sourcePort }) => sourcePort);
    case '--ports': {
      const [source, destination] = [
        portMatch(value, ({ sourcePort }) => sourcePort),
        portMatch(value, ({ destinationPort }) => destinationPort),
      ];
      return source && destination && ((facts) => or([source(facts), destination(facts)]));
    }
    case '--tcp-flags':
      return tcpFlagsMatch(value, flags);
    default:
      return undefined;
  }
}

/** The packet that opens a connection carries SYN alone; of others the flags are not known. */
function tcpFlagsMatch(mask: string, wanted: string): Holds {
  const asked = mask === 'ALL' ? ['SYN'] : mask.split(',');
  const set = wanted === 'ALL' ? ['ALL'] : wanted.split(',').filter((flag) => flag !== 'NONE' && flag !== '');
  return ({ connection }: Facts) => {
    if (connection !== 'new') return undefined;
    return asked.includes('SYN') ? set.length === 1 && set[0] === 'SYN' : set.length === 0;
  };
}

function parseAddressTypeOption({ name, values }: SavedOption, rule: SavedRule): Holds | undefined {
  const isOfLink = rule.options.some(({ name }) => name.startsWith('--limit-iface'));
  const types = (values[0] ?? '').split(',');
  if (name === '--dst-type') return addressTypeMatch(types, 'destination', isOfLink);
  if (name === '--src-type') return addressTypeMatch(types, 'source', isOfLink);
  return name.startsWith('--limit-iface') ? () => true : undefined;
}

function parseBridgePortOption({ name, values }: SavedOption): Holds | undefined {
  switch (name) {
    case '--physdev-in':
      return linkMatch(values[0] ?? '', ({ inPort }) => inPort);
    case '--physdev-is-in':
      return ({ inPort }) => (inPort === undefined ? undefined : inPort !== '');
    case '--physdev-is-bridged':
      return ({ inPort, inLink, outLink }) =>
        inPort === undefined || inLink === undefined ? undefined : inPort !== '' && inLink === outLink;
    case '--physdev-out':
    case '--physdev-is-out':
      return ({ inPort }) => (inPort === '' ? false : undefined);
    default:
      return undefined;
  }
}

/** What begins a conversation in ICMP is a request for an echo. */
function parseIcmpOption({ name, values }: SavedOption): Holds | undefined {
  if (name !== '--icmp-type' && name !== '--icmpv6-type') return undefined;
  const own = name === '--icmp-type' ? 'icmp' : 'icmpv6';
  const type = values[0] ?? '';
  const isRequest = [own === 'icmp' ? '8' : '128', 'echo-request', 'any'].includes(type.split('/')[0] ?? '');
  return ({ protocol, connection }) => {
    if (protocol === undefined) return undefined;
    if (protocol !== own) return false;
    return connection === 'new' || type === 'any' ? isRequest : undefined;
  };
}
