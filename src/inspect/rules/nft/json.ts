/** A value as it comes from JSON. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** An object as it comes from JSON; what it holds is not known before it was looked at. */
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** Whether it is an object, no array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether it is a list. */
export function isList(value: unknown): value is readonly Json[] {
  return Array.isArray(value);
}

/** The value of a key of an object; `undefined` where it is none. */
export function field(value: unknown, key: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** The same, if it is text. */
export function text(value: unknown, key: string): string | undefined {
  const found = field(value, key);
  return typeof found === 'string' ? found : undefined;
}

/** The same, if it is a number. */
export function number(value: unknown, key: string): number | undefined {
  const found = field(value, key);
  return typeof found === 'number' ? found : undefined;
}

/** The only key of an object, such as `match` of `{"match": …}`, and what it holds. */
export function only(value: unknown): readonly [string, Json] | undefined {
  if (!isObject(value)) return undefined;
  const [entry] = Object.entries(value);
  return entry === undefined ? undefined : [entry[0], entry[1] ?? null];
}
