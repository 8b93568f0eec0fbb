import { familyOf, type Ip } from '../../../model/index.ts';
import { addressType, hasPorts, type Facts } from '../facts.ts';
import { addressNumber, isIn, parseAddressSpan, parsePortSpan } from '../ranges.ts';
import type { Truth } from '../truth.ts';

/** Whether a packet is what a rule asks for. */
export type Holds = (facts: Facts) => Truth;

/** An address in `10.0.0.0/8` or a range of addresses; `undefined` for text that is neither. */
export function addressMatch(text: string, read: (facts: Facts) => Ip | undefined): Holds | undefined {
  const span = parseAddressSpan(text);
  if (span === undefined) return undefined;
  return (facts) => {
    const ip = read(facts);
    const number = ip === undefined ? undefined : addressNumber(ip);
    return number === undefined ? undefined : isIn(span, number);
  };
}

/** A link by name; with `+` at the end every link whose name begins so. */
export function linkMatch(pattern: string, read: (facts: Facts) => string | undefined): Holds {
  const beginning = pattern.endsWith('+') ? pattern.slice(0, -1) : undefined;
  return (facts) => {
    const name = read(facts);
    if (name === undefined) return undefined;
    return beginning === undefined ? name === pattern : name.startsWith(beginning);
  };
}

/** A port in `80,90:100`; `undefined` for text that holds no ports. False for packets without ports. */
export function portMatch(text: string, read: (facts: Facts) => number | undefined): Holds | undefined {
  const spans = text.split(',').map(parsePortSpan);
  if (spans.includes(undefined)) return undefined;
  return (facts) => {
    if (hasPorts(facts) === false) return false;
    const port = read(facts);
    return port === undefined ? undefined : spans.some((span) => span !== undefined && isIn(span, port));
  };
}

/** A mark, or some bits of it: `0x1/0x3`. */
export function markMatch(text: string): Holds | undefined {
  const parts = /^(0x[\da-f]+|\d+)(?:\/(0x[\da-f]+|\d+))?$/i.exec(text);
  if (parts === null) return undefined;
  const [value, mask] = [Number(parts[1]), Number(parts[2] ?? 0xffffffff)];
  return ({ mark }) => (mark === undefined ? undefined : (mark & mask) >>> 0 === value);
}

/**
 * The type of an address, one of several in capitals. For IPv6 the kernel asks most of them all at once.
 * Source: Linux xt_addrtype.c, match_type6.
 *
 * @param isOfLink whether only addresses of the packet's own link count as local
 */
export function addressTypeMatch(
  types: readonly string[],
  side: 'source' | 'destination',
  isOfLink: boolean,
): Holds {
  return (facts) => {
    const ip = facts[side];
    const type = addressType(ip, facts.localAddresses);
    if (ip === undefined || type === undefined) return undefined;
    const isLocal = type !== 'local' ? false : isOfLink ? undefined : true;
    return familyOf(ip) === 6 ? isOfAllTypes(types, ip, isLocal) : isOfOneType(types, type, isLocal);
  };
}

const knownTypes = new Set(['LOCAL', 'UNICAST', 'BROADCAST', 'MULTICAST']);

function isOfOneType(types: readonly string[], type: string, isLocal: Truth): Truth {
  if (isLocal === undefined) return undefined;
  if (types.includes(type.toUpperCase())) return true;
  // Of the rare types an address can be that counts as unicast here.
  return type !== 'unicast' || types.every((wanted) => knownTypes.has(wanted)) ? false : undefined;
}

function isOfAllTypes(types: readonly string[], ip: Ip, isLocal: Truth): Truth {
  const isMulticast = ip.startsWith('ff');
  if (types.includes('MULTICAST') && !isMulticast) return false;
  if (types.includes('UNICAST') && (isMulticast || ip === '::')) return false;
  if (types.includes('UNSPEC') && ip !== '::') return false;
  const routed = types.filter((type) => ['LOCAL', 'ANYCAST', 'UNREACHABLE'].includes(type));
  if (routed.length === 0) return true;
  if (routed.includes('LOCAL') && isLocal !== false) return isLocal;
  return routed.every((type) => type === 'LOCAL') ? false : undefined;
}
