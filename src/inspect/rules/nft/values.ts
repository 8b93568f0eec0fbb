import { field, isList, only, text, type Json } from './json.ts';
import { flagMask, flagsOf } from './flags.ts';
import type { Domain, Value } from './selectors.ts';
import { protocolNumber } from '../protocols.ts';
import { addressNumber, isIn, prefixSpan, type Span } from '../ranges.ts';
import { not, or, type Truth } from '../truth.ts';

/** Whether a value of a packet fits. */
export type Fits = (value: Value) => Truth;

/** Comparisons of nft(8); `in` asks for any of some flags, `!` for none. */
export type Operator = '==' | '!=' | '<' | '>' | '<=' | '>=' | 'in' | '!';

/** A comparison with what stands on the right; `undefined` for what is not modelled. No sets: see `nft-sets.ts`. */
export function parseComparison(operator: Operator, right: Json, domain: Domain): Fits | undefined {
  const flags = flagsOf(domain);
  if (flags !== undefined) return flagComparison(operator, right, flags);
  if (operator === '==' || operator === 'in') return parseFits(right, domain);
  if (operator === '!=') {
    const fits = parseFits(right, domain);
    return fits && ((value) => not(fits(value)));
  }
  const bound = parseScalar(right, domain);
  if (bound === undefined || typeof bound === 'string') return undefined;
  return (value) => {
    if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
    if (operator === '<') return value < bound;
    if (operator === '>') return value > bound;
    if (operator === '<=') return value <= bound;
    return operator === '>=' ? value >= bound : undefined;
  };
}

/** Whether a value is one value, in a range or prefix, or named by a pattern; `undefined` for what is not modelled. */
export function parseFits(right: Json, domain: Domain): Fits | undefined {
  const flags = flagsOf(domain);
  if (flags !== undefined) return flagComparison('==', right, flags);
  if (domain === 'link') return linkFits(right);
  const span = parseSpan(right, domain);
  if (span !== undefined)
    return (value) =>
      typeof value === 'number' || typeof value === 'bigint' ? isIn(span, value) : undefined;
  const scalar = parseScalar(right, domain);
  return scalar === undefined ? undefined : (value) => value === scalar;
}

/** One value of a domain; `undefined` for what is none or has a name that is not known. */
export function parseScalar(value: Json, domain: Domain): number | bigint | string | undefined {
  switch (domain) {
    case 'address':
      return typeof value === 'string' ? addressNumber(value) : undefined;
    case 'protocol':
      // A protocol that has no number here is none of a packet's.
      return typeof value === 'string' || typeof value === 'number'
        ? (protocolNumber(value) ?? -1)
        : undefined;
    case 'port':
    case 'mark':
    case 'number':
      if (typeof value === 'string' && /^(?:0x[\da-f]+|\d+)$/i.test(value)) return Number(value);
      return typeof value === 'number' ? value : undefined;
    case 'found':
      return typeof value === 'boolean' ? String(value) : undefined;
    case 'word':
      return typeof value === 'string' ? value : undefined;
    case 'link':
    case 'state':
    case 'status':
    case 'tcp-flags':
      return undefined;
  }
}

function parseSpan(value: Json, domain: Domain): Span | undefined {
  const prefix = field(value, 'prefix');
  if (prefix !== undefined) {
    const [address, length] = [text(prefix, 'addr'), field(prefix, 'len')];
    return address === undefined || typeof length !== 'number' ? undefined : prefixSpan(address, length);
  }
  const range = field(value, 'range');
  if (!isList(range) || range.length !== 2) return undefined;
  const [from, to] = range.map((end) => parseScalar(end, domain));
  if (from === undefined || to === undefined || typeof from === 'string' || typeof to === 'string')
    return undefined;
  return { from, to };
}

/** A name, or with `*` at its end every name that begins so; `\*` stands for the character. */
function linkFits(right: Json): Fits | undefined {
  if (typeof right !== 'string') return undefined;
  if (right.endsWith('*') && !right.endsWith(String.raw`\*`)) {
    const beginning = right.slice(0, -1);
    return (value) => typeof value === 'string' && value.startsWith(beginning);
  }
  const name = right.replace(/\\\*$/, '*');
  return (value) => value === name;
}

function flagComparison(
  operator: Operator,
  right: Json,
  flags: Readonly<Record<string, number>>,
): Fits | undefined {
  const mask = flagMask(right, flags);
  if (mask === undefined) return undefined;
  const isAny: Fits = (value) => {
    if (typeof value !== 'object') return undefined;
    if ((value.bits & mask) !== 0) return true;
    return (~value.known & mask) === 0 ? false : undefined;
  };
  const isExactly: Fits = (value) => {
    if (typeof value !== 'object') return undefined;
    if (((value.bits ^ mask) & value.known) !== 0) return false;
    return value.known === ~0 ? true : undefined;
  };
  if (operator === 'in') return isAny;
  if (operator === '!') return (value) => not(isAny(value));
  if (operator === '==') return isExactly;
  return operator === '!=' ? (value) => not(isExactly(value)) : undefined;
}

/** Whether one of several fits. */
export function anyOf(all: readonly Fits[]): Fits {
  return (value) => or(all.map((fits) => fits(value)));
}

/** The value of an element without what is kept with it, such as a counter or a time-out. */
export function elementValue(element: Json): Json {
  const inner = only(element);
  return inner?.[0] === 'elem' ? (field(inner[1], 'val') ?? null) : element;
}
