import * as v from 'valibot';
import { invalid } from '../../model/index.ts';
import { CniError, cniCodes } from './errors.ts';

/** A JSON object as it came. */
export type Document = Readonly<Record<string, unknown>>;

/** Reads one JSON object. @throws a CniError 6 for anything else */
export function parseDocument(text: string, field: string): Document {
  let value: unknown;
  try {
    value = JSON.parse(text) as unknown;
  } catch (cause) {
    const reason = text.trim() === '' ? 'it is empty' : (cause as Error).message;
    throw new CniError(cniCodes.undecodable, `${field}: no JSON document: ${reason}`, { cause });
  }
  if (isObject(value)) return value;
  const found = Array.isArray(value) ? 'a list' : value === null ? 'null' : `a ${typeof value}`;
  throw new CniError(cniCodes.undecodable, `${field}: ${found} is not allowed, expected a JSON object`);
}

/** Whether a value is a JSON object: neither a list nor null. */
export function isObject(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads a value of that shape.
 *
 * @param field what the value is called, before the path inside it; empty for the whole configuration
 * @throws invalid-input that names the first wrong field, its value and what is allowed
 */
export function decode<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  field = '',
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = [field, v.getDotPath(issue) ?? ''].filter((part) => part !== '').join('.');
  throw invalid(
    path === '' ? 'configuration' : path,
    issue.input,
    issue.expected === null ? issue.message : expectation(issue.expected),
  );
}

/** A field that may be missing or null, which both mean the same, as they do to plugins in Go. */
export function orElse<Schema extends v.GenericSchema>(schema: Schema, fallback: v.InferOutput<Schema>) {
  return v.nullish(schema, fallback) as unknown as v.GenericSchema<unknown, v.InferOutput<Schema>>;
}

/** A field that may be missing or null, and is undefined then. */
export function optional<Schema extends v.GenericSchema>(schema: Schema) {
  const undefinedIfNull = v.pipe(
    v.nullish(schema),
    v.transform((value) => value ?? undefined),
  );
  return undefinedIfNull as unknown as v.GenericSchema<unknown, v.InferOutput<Schema> | undefined>;
}

/** A number that counts something: no sign, no fraction. */
export const count = wholeNumber(Number.MAX_SAFE_INTEGER);

/** The same for what the kernel keeps in 32 bits. */
export const word = wholeNumber(0xffff_ffff);

function wholeNumber(most: number) {
  return v.pipe(
    v.number(),
    v.check(
      (value) => Number.isInteger(value) && value >= 0 && value <= most,
      `a whole number from 0 to ${most}`,
    ),
  );
}

const words: Readonly<Record<string, string>> = {
  boolean: 'true or false',
  string: 'a text',
  number: 'a number',
  Object: 'an object',
  Array: 'a list',
};

function expectation(expected: string): string {
  const parts = expected
    .replaceAll(/[()]/g, '')
    .split(' | ')
    .filter((part) => part !== 'null' && part !== 'undefined');
  return parts.map((part) => words[part] ?? part).join(' or ');
}
