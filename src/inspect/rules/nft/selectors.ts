import { addressType, type Facts } from '../facts.ts';
import { conntrackSelector } from './conntrack.ts';
import { flagMask, flagsOf } from './flags.ts';
import { field, isList, only, text, type Json } from './json.ts';
import { payloadSelector } from './payload.ts';
import { protocolNumber } from '../protocols.ts';

/** How values of a kind are written and compared. */
export type Domain =
  | 'address'
  | 'port'
  | 'protocol'
  | 'link'
  | 'mark'
  | 'word'
  | 'state'
  | 'status'
  | 'tcp-flags'
  | 'number'
  | 'found';

/** What is compared. Of flags only some may be known: `known` is their mask. */
export type Value = number | bigint | string | { readonly bits: number; readonly known: number };

/** A part of a packet that rules ask for. */
export interface Selector {
  readonly domain: Domain;
  /** `undefined` where it is not known, `null` where the packet has no such part: then a rule never matches. */
  readonly read: (facts: Facts) => Value | null | undefined;
}

/** What the left side of a comparison reads; `undefined` for what is not modelled. */
export function parseSelector(expression: Json | undefined): Selector | undefined {
  const found = only(expression);
  if (found === undefined) return undefined;
  const [kind, body] = found;
  switch (kind) {
    case 'meta':
      return metaSelector(text(body, 'key') ?? '');
    case 'payload':
      return payloadSelector(text(body, 'protocol') ?? '', text(body, 'field') ?? '');
    case 'ct':
      return conntrackSelector(text(body, 'key') ?? '', text(body, 'dir'));
    case 'fib':
      return fibSelector(body);
    // What a plain packet does not have.
    case 'exthdr':
    case 'ip option':
      return selector('found', () => (field(body, 'field') === undefined ? 'false' : null));
    case '&':
    case '|':
    case '^':
      return arithmeticSelector(kind, body);
    default:
      return undefined;
  }
}

function selector(domain: Domain, read: Selector['read']): Selector {
  return { domain, read };
}

function metaSelector(key: string): Selector | undefined {
  switch (key) {
    case 'iifname':
    case 'iif':
      return selector('link', ({ isBridged, inLink, inPort }) =>
        isBridged === true && inPort !== '' ? inPort : inLink,
      );
    case 'oifname':
    case 'oif':
      return selector('link', ({ outLink }) => outLink);
    case 'ibrname':
    case 'ibridgename':
      return selector('link', ({ inLink, inPort }) => (inPort === '' ? undefined : inLink));
    case 'l4proto':
      return selector('protocol', readProtocol);
    case 'nfproto':
      return selector('word', ({ isBridged, family }) =>
        isBridged === true ? 'bridge' : family && (family === 4 ? 'ipv4' : 'ipv6'),
      );
    case 'protocol':
      return selector('word', ({ family }) => family && (family === 4 ? 'ip' : 'ip6'));
    case 'mark':
      return selector('mark', ({ mark }) => mark);
    case 'pkttype':
      return selector('word', ({ destination }) => {
        const type = addressType(destination, new Set());
        return type === undefined || type === 'multicast' || type === 'broadcast' ? type : 'host';
      });
    default:
      return undefined;
  }
}

function readProtocol({ protocol }: Facts): number | undefined {
  return protocol === undefined ? undefined : protocolNumber(protocol);
}

/** Source: Linux nft_fib_ipv4.c: with `iif` an address counts as local only where it is that link's. */
function fibSelector(body: Json): Selector | undefined {
  const flags = field(body, 'flags');
  const names = isList(flags) ? flags : [flags];
  const isSource = names.includes('saddr');
  const isOfLink = names.includes('iif') || names.includes('oif');
  const result = text(body, 'result');
  if (result === 'type')
    return selector('word', ({ source, destination, localAddresses }) => {
      const type = addressType(isSource ? source : destination, localAddresses);
      return type === 'local' && isOfLink ? undefined : type;
    });
  // A filter for reverse paths: whoever asks looks at routes by other means, so the way back counts as there.
  if (result?.startsWith('oif') === true && isSource) return selector('found', () => 'true');
  return undefined;
}

function arithmeticSelector(operator: '&' | '|' | '^', body: Json): Selector | undefined {
  if (!isList(body) || body.length !== 2) return undefined;
  const base = parseSelector(body[0]);
  if (base === undefined) return undefined;
  const flags = flagsOf(base.domain);
  const operand = flags === undefined ? body[1] : flagMask(body[1], flags);
  if (typeof operand !== 'number') return undefined;
  const { domain } = base;
  return selector(domain, (facts) => {
    const value = base.read(facts);
    if (value === null || value === undefined) return value;
    if (typeof value === 'number') return calculate(operator, value, operand);
    if (typeof value !== 'object' || operator !== '&') return undefined;
    return { bits: value.bits & operand, known: value.known | ~operand };
  });
}

/** Combines two marks of 32 bits. */
export function calculate(operator: '&' | '|' | '^', left: number, right: number): number {
  const result = operator === '&' ? left & right : operator === '|' ? left | right : left ^ right;
  return result >>> 0;
}
