import { field, isList, isObject, only, text, type Json } from './json.ts';
import type { Element } from './sets.ts';

/** A rule as nft(8) writes it, such as `iifname "hx0" drop`. Numbers stay numbers; what is not known stays JSON. */
export function formatRule(expressions: readonly Json[], comment?: string): string {
  const words = expressions.map(formatStatement).filter((word) => word !== '');
  return [...words, ...(comment === undefined ? [] : [`comment ${JSON.stringify(comment)}`])].join(' ');
}

/** An element of a set or a map, such as `tcp . 8080 : 10.0.0.2 . 80`. */
export function formatElement({ key, data }: Element): string {
  const comment = text(field(key, 'elem'), 'comment');
  const name = `${formatValue(key)}${comment === undefined ? '' : ` comment ${JSON.stringify(comment)}`}`;
  if (data === undefined) return name;
  return `${name} : ${isVerdict(only(data)?.[0]) ? formatStatement(data) : formatValue(data)}`;
}

function isVerdict(kind: string | undefined): boolean {
  return (
    kind !== undefined && ['accept', 'drop', 'jump', 'goto', 'return', 'continue', 'queue'].includes(kind)
  );
}

function formatStatement(statement: Json): string {
  const [kind, body] = only(statement) ?? ['', null];
  switch (kind) {
    case 'match':
      return formatMatch(body);
    // Its numbers change with every packet and are given apart.
    case 'counter':
      return typeof body === 'string' ? `counter name ${JSON.stringify(body)}` : 'counter';
    case 'jump':
    case 'goto':
      return `${kind} ${text(body, 'target') ?? ''}`;
    case 'vmap':
      return `${formatExpression(field(body, 'key'))} vmap ${formatExpression(field(body, 'data'))}`;
    case 'mangle':
      return `${formatExpression(field(body, 'key'))} set ${formatExpression(field(body, 'value'))}`;
    case 'dnat':
    case 'snat':
    case 'masquerade':
    case 'redirect':
      return formatTranslation(kind, body);
    case 'reject':
      return ['reject', text(body, 'type') && `with ${text(body, 'type')}`, text(body, 'expr')]
        .filter(Boolean)
        .join(' ');
    case 'log':
      return [
        'log',
        text(body, 'prefix') === undefined ? '' : `prefix ${JSON.stringify(text(body, 'prefix'))}`,
      ]
        .filter(Boolean)
        .join(' ');
    case 'limit':
      return `limit rate ${field(body, 'inv') === true ? 'over ' : ''}${formatValue(field(body, 'rate') ?? 0)}/${text(body, 'per') ?? ''}`;
    case 'set':
      return `${text(body, 'op') ?? ''} ${text(body, 'set') ?? ''} { ${formatExpression(field(body, 'elem'))} }`;
    case 'xt':
      return `xt ${text(body, 'type') ?? ''} ${text(body, 'name') ?? ''}`;
    default:
      return body === null ? kind : `${kind} ${JSON.stringify(body)}`;
  }
}

function formatMatch(body: Json): string {
  const operator = text(body, 'op') ?? '==';
  const left = field(body, 'left');
  // nft writes no sign for equality, nor for flags of which one must be set.
  const isPlain = operator === '==' || operator === 'in';
  const isNegation = operator === '!';
  const words = [formatExpression(left), isPlain ? '' : isNegation ? '!' : operator];
  const isNumericMask = isPlain && only(left)?.[0] === '&';
  return [...words, isNumericMask ? '==' : '', formatRight(field(body, 'right'), isLinkName(left))]
    .filter((word) => word !== '')
    .join(' ');
}

function formatRight(right: Json | undefined, isName: boolean): string {
  if (isName && typeof right === 'string' && !right.startsWith('@')) return JSON.stringify(right);
  if (typeof right === 'boolean') return right ? 'exists' : 'missing';
  if (isList(right)) return right.map((one) => formatValue(one)).join(',');
  const set = field(right, 'set');
  if (isName && isList(set)) return `{ ${set.map((one) => formatRight(one, true)).join(', ')} }`;
  return formatExpression(right);
}

function isLinkName(left: Json | undefined): boolean {
  return /^(?:iif|oif|ibr|obr)/.test(text(field(left, 'meta'), 'key') ?? '');
}

/** Keys of `meta` that nft writes without the word. */
const bareMeta = new Set(['iif', 'iifname', 'oif', 'oifname', 'iifgroup', 'oifgroup']);

function formatExpression(expression: Json | undefined): string {
  const found = isObject(expression) ? only(expression) : undefined;
  if (found === undefined) return formatValue(expression ?? null);
  const [kind, body] = found;
  switch (kind) {
    case 'meta': {
      const key = text(body, 'key') ?? '';
      return bareMeta.has(key) ? key : `meta ${key}`;
    }
    case 'payload':
      return `${text(body, 'protocol') ?? text(body, 'base') ?? ''} ${text(body, 'field') ?? formatValue(field(body, 'offset') ?? null)}`;
    case 'ct':
      return ['ct', text(body, 'dir') ?? '', text(body, 'key') ?? ''].filter((word) => word !== '').join(' ');
    case 'fib': {
      const flags = field(body, 'flags');
      return `fib ${isList(flags) ? flags.map(formatValue).join(' . ') : formatValue(flags ?? null)} ${text(body, 'result') ?? ''}`;
    }
    case 'map':
      return `${formatExpression(field(body, 'key'))} map ${formatExpression(field(body, 'data'))}`;
    case 'set':
      return isList(body)
        ? `{ ${body.map((one) => (isList(one) && one.length === 2 ? formatElement({ key: one[0] ?? null, data: one[1] ?? null }) : formatValue(one))).join(', ')} }`
        : formatValue(body);
    case '&':
    case '|':
    case '^':
      return isList(body) ? body.map((one) => formatExpression(one)).join(` ${kind} `) : '';
    default:
      return formatValue(expression ?? null);
  }
}

function formatValue(value: Json): string {
  if (isList(value))
    return value.length === 1 ? formatValue(value[0] ?? null) : `(${value.map(formatValue).join('|')})`;
  if (!isObject(value)) return String(value);
  const [kind, body] = only(value) ?? ['', null];
  switch (kind) {
    case 'concat':
      return isList(body) ? body.map((one) => formatExpression(one)).join(' . ') : '';
    case 'prefix':
      return `${text(body, 'addr') ?? ''}/${formatValue(field(body, 'len') ?? null)}`;
    case 'range':
      return isList(body) ? body.map(formatValue).join('-') : '';
    case 'elem':
      return formatExpression(field(body, 'val'));
    case 'meta':
    case 'payload':
    case 'ct':
      return formatExpression(value);
    default:
      return JSON.stringify(value);
  }
}

function formatTranslation(kind: string, body: Json): string {
  const [address, port] = [field(body, 'addr'), field(body, 'port')];
  const family = text(body, 'family');
  const host = address === undefined ? '' : formatExpression(address);
  const shown = host.includes(':') && port !== undefined ? `[${host}]` : host;
  const target = `${shown}${port === undefined ? '' : `:${formatExpression(port)}`}`;
  return [kind, family ?? '', target === '' ? '' : `to ${target}`].filter((word) => word !== '').join(' ');
}
