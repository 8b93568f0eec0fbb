import { toJson } from '../print.ts';
import { templateError } from './tokens.ts';

/** What `{{name …}}` may call. Source: Go text/template; docker's `--format` adds json, join, lower, upper, … */
export const functions: Readonly<Record<string, (...values: readonly unknown[]) => unknown>> = {
  json: (value) => toJson(value ?? null),
  print: (...values) => values.map(textOf).join(''),
  println: (...values) => `${values.map(textOf).join(' ')}\n`,
  printf: (format, ...values) => formatted(textOf(format), values),
  len: (value) => sizeOf(value),
  index: (value, ...keys) => keys.reduce(elementOf, value),
  join: (list, separator) => (Array.isArray(list) ? list.map(textOf).join(textOf(separator)) : textOf(list)),
  split: (text, separator) => textOf(text).split(textOf(separator)),
  lower: (text) => textOf(text).toLowerCase(),
  upper: (text) => textOf(text).toUpperCase(),
  title: (text) => textOf(text).replaceAll(/(^|\s)\S/g, (first) => first.toUpperCase()),
  truncate: (text, length) => Array.from(textOf(text)).slice(0, Number(length)).join(''),
  eq: (one, ...others) => others.some((other) => one === other),
  ne: (one, other) => one !== other,
  lt: (one, other) => order(one, other) < 0,
  le: (one, other) => order(one, other) <= 0,
  gt: (one, other) => order(one, other) > 0,
  ge: (one, other) => order(one, other) >= 0,
  and: (...values) => values.find((value) => !isTrue(value)) ?? values.at(-1),
  or: (...values) => values.find(isTrue) ?? values.at(-1),
  not: (value) => !isTrue(value),
};

/** Functions that make text of what they are given, and those that only choose among values. */
export const textFunctions: ReadonlySet<string> = new Set([
  'print',
  'println',
  'printf',
  'join',
  'lower',
  'upper',
  'title',
  'truncate',
]);

/** A value as a template prints it. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return `[${value.map(textOf).join(' ')}]`;
  return JSON.stringify(value);
}

/** Nothing, 0, false and what is empty are false. Source: Go text/template. */
export function isTrue(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return sizeOf(value) > 0;
  return Boolean(value);
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0;
}

function elementOf(value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) {
    const position = Number(key);
    if (!Number.isInteger(position) || position < 0 || position >= value.length) {
      throw templateError(`index ${textOf(key)} is outside of a list of ${value.length}`);
    }
    return value[position];
  }
  const name = textOf(key);
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

function order(one: unknown, other: unknown): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  const [left, right] = [textOf(one), textOf(other)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** `%s`, `%v`, `%d`, `%q`, `%t` with width and `-`. */
function formatted(format: string, values: readonly unknown[]): string {
  let next = 0;
  return format.replaceAll(/%(-?)(\d*)([svdqt%])/g, (_, left: string, width: string, verb: string) => {
    if (verb === '%') return '%';
    const value = values[next++];
    const text = verb === 'q' ? JSON.stringify(textOf(value)) : textOf(value);
    const length = Number(width || 0);
    return left === '-' ? text.padEnd(length) : text.padStart(length);
  });
}
