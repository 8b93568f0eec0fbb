import { parseIp, type Ip } from '../../../model/index.ts';
import type { Facts } from '../facts.ts';
import { field, isList, only, text, type Json } from './json.ts';
import { calculate, parseSelector } from './selectors.ts';
import { isAnyHit, parseKey, parseLookup, type FindSet } from './sets.ts';
import { parseComparison, type Operator } from './values.ts';
import { formatElement } from './text.ts';
import {
  always,
  match,
  unknownMatch,
  type Action,
  type Choice,
  type Statement,
  type Translate,
} from '../rules.ts';
import { not } from '../truth.ts';

const none: readonly Statement[] = [];

/** Targets of iptables that a packet passes unharmed. */
const harmlessTargets = new Set([
  'LOG',
  'NFLOG',
  'TCPMSS',
  'CHECKSUM',
  'TRACE',
  'CLASSIFY',
  'DSCP',
  'TOS',
  'AUDIT',
]);

/** What one expression of a rule does. */
export function parseStatement(expression: Json, findSet: FindSet): readonly Statement[] {
  const found = only(expression);
  if (found === undefined) return none;
  const [kind, body] = found;
  switch (kind) {
    case 'match':
      return [parseMatch(body, findSet)];
    case 'accept':
    case 'drop':
    case 'return':
    case 'jump':
    case 'goto':
      return [always(parseVerdict(expression))];
    case 'reject':
      return [always({ kind: 'reject' })];
    case 'notrack':
      return [always({ kind: 'untrack' })];
    case 'vmap':
      return [parseVerdictMap(body, findSet)];
    case 'dnat':
    case 'redirect':
      return [parseTranslation(body, 'destination', kind === 'redirect', findSet)];
    case 'snat':
    case 'masquerade':
      return [parseTranslation(body, 'source', kind === 'masquerade', findSet)];
    case 'mangle':
      return parseMangle(body);
    case 'set':
    case 'map':
      return field(body, 'stmt') === undefined ? none : [unknownMatch];
    case 'xt':
      return parseForeign(body);
    case 'counter':
    case 'log':
    case 'continue':
    case 'last':
    case 'flow':
    case 'dup':
    case 'reset':
    case 'ct helper':
    case 'ct timeout':
    case 'ct expectation':
    case 'secmark':
      return none;
    case 'limit':
    case 'quota':
    case 'meter':
    case 'ct count':
      return [unknownMatch];
    default:
      return [always({ kind: 'unknown' })];
  }
}

/** What a verdict does: `{"drop": null}`, `{"jump": {"target": …}}`. */
function parseVerdict(verdict: Json | undefined): Action {
  const [kind, body] = only(verdict) ?? ['', null];
  if (kind === 'accept' || kind === 'drop' || kind === 'return' || kind === 'continue') return { kind };
  if (kind === 'jump' || kind === 'goto') return { kind, chain: text(body, 'target') ?? '' };
  return { kind: 'unknown' };
}

function parseMatch(body: Json, findSet: FindSet): Statement {
  const operator = (text(body, 'op') ?? '==') as Operator;
  const [left, right] = [field(body, 'left'), field(body, 'right')];
  const lookup = parseLookup(left, right, findSet);
  if (lookup !== undefined) {
    const keys = parseKey(left) ?? [];
    return match((facts) => {
      // A packet without the field never matches, not even when the opposite is asked.
      if (keys.some(({ read }) => read(facts) === null)) return false;
      const isHit = isAnyHit(lookup(facts));
      return operator === '!=' ? not(isHit) : isHit;
    });
  }
  const selector = parseSelector(left);
  const fits = selector && parseComparison(operator, right ?? null, selector.domain);
  if (selector === undefined || fits === undefined) return unknownMatch;
  return match((facts) => {
    const value = selector.read(facts);
    return value === null ? false : value === undefined ? undefined : fits(value);
  });
}

function parseVerdictMap(body: Json, findSet: FindSet): Statement {
  const lookup = parseLookup(field(body, 'key'), field(body, 'data'), findSet);
  if (lookup === undefined) return always({ kind: 'unknown' });
  return {
    kind: 'act',
    act: (facts) =>
      lookup(facts).map(({ element, isSure }) => ({
        action: parseVerdict(element.data),
        isSure,
        element: formatElement(element),
      })),
  };
}

function parseMangle(body: Json): readonly Statement[] {
  const key = field(body, 'key');
  if (text(field(key, 'meta'), 'key') !== 'mark') return none;
  const value = field(body, 'value');
  if (typeof value === 'number') return [always({ kind: 'mark', mark: value })];
  const [operator, operands] = only(value) ?? ['', null];
  const isOfMark = isList(operands) && text(field(operands[0], 'meta'), 'key') === 'mark';
  const operand = isList(operands) ? operands[1] : undefined;
  if (isOfMark && typeof operand === 'number' && (operator === '&' || operator === '|' || operator === '^')) {
    const act = ({ mark }: Facts): Choice[] => [
      {
        action: { kind: 'mark', mark: mark === undefined ? undefined : calculate(operator, mark, operand) },
        isSure: true,
      },
    ];
    return [{ kind: 'act', act }];
  }
  return [always({ kind: 'mark', mark: undefined })];
}

/** What the translation of iptables to nft keeps to itself: `{"xt": {"type": "match", "name": "addrtype"}}`. */
function parseForeign(body: Json): readonly Statement[] {
  const name = text(body, 'name') ?? '';
  if (text(body, 'type') === 'match') return name === 'comment' ? none : [unknownMatch];
  if (harmlessTargets.has(name)) return none;
  if (name === 'REJECT') return [always({ kind: 'reject' })];
  if (name === 'MASQUERADE')
    return [always({ kind: 'translate', side: 'source', isToLink: true, isExact: true })];
  return [always({ kind: 'unknown' })];
}

function parseTranslation(
  body: Json,
  side: Translate['side'],
  isToLink: boolean,
  findSet: FindSet,
): Statement {
  const address = field(body, 'addr');
  const map = field(address, 'map') ?? field(field(body, 'port'), 'map');
  const family = text(body, 'family');
  const fitsFamily = (facts: Facts) =>
    family === undefined || facts.family === undefined || family === (facts.family === 4 ? 'ip' : 'ip6');
  const base = { kind: 'translate', side, ...(isToLink ? { isToLink } : {}) } as const;
  if (map === undefined) {
    const action: Translate = { ...base, ...readTarget(address, field(body, 'port')) };
    return { kind: 'act', act: (facts) => (fitsFamily(facts) ? [{ action, isSure: true }] : []) };
  }
  const isPortMap = field(address, 'map') === undefined;
  const lookup = parseLookup(field(map, 'key'), field(map, 'data'), findSet);
  if (lookup === undefined) return always({ ...base, isExact: false });
  return {
    kind: 'act',
    act: (facts) =>
      !fitsFamily(facts)
        ? []
        : lookup(facts).map(({ element, isSure }) => ({
            action: {
              ...base,
              ...(isPortMap
                ? readTarget(address, element.data)
                : readTarget(element.data, field(body, 'port'))),
            },
            isSure,
            element: formatElement(element),
          })),
  };
}

/** Address and port of a translation: each apart, or both in one concatenation. */
function readTarget(address: Json | undefined, port: Json | undefined): Omit<Translate, 'kind' | 'side'> {
  const parts = field(address, 'concat');
  if (isList(parts)) return readTarget(parts[0], parts[1] ?? port);
  const addressRange = field(address, 'range');
  const portRange = field(port, 'range');
  const first = isList(addressRange) ? addressRange[0] : (field(field(address, 'prefix'), 'addr') ?? address);
  const ip = typeof first === 'string' ? readIp(first) : undefined;
  const number = typeof port === 'number' ? port : undefined;
  return {
    ...(ip === undefined ? {} : { ip }),
    ...(number === undefined ? {} : { port: number }),
    isExact: (address === undefined || (ip !== undefined && first === address)) && portRange === undefined,
  };
}

function readIp(text: string): Ip | undefined {
  try {
    return parseIp(text);
  } catch {
    return undefined;
  }
}
