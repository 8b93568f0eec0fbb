import type * as v from 'valibot';
import { isObject } from './decode.ts';

/** The keys that are read, by their lower case. */
export type Spellings = ReadonlyMap<string, string>;

/** The keys of schemas, and further ones. */
export function spellingsOf(
  schemas: readonly { readonly entries: v.ObjectEntries }[],
  further: readonly string[] = [],
): Spellings {
  const names = [...schemas.flatMap(({ entries }) => Object.keys(entries)), ...further];
  return new Map(names.map((name) => [name.toLowerCase(), name]));
}

/**
 * The same value with every known key in its own spelling, at whatever depth, as plugins in Go read it. The own spelling
 * wins where there are several.
 *
 * @param opaque the keys below which everything stays as it was written
 *
 * Source: Go `encoding/json`, Unmarshal.
 */
export function foldKeys(value: unknown, spellings: Spellings, opaque: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((item) => foldKeys(item, spellings, opaque));
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(
    ([key, item]) => [spellings.get(key.toLowerCase()) ?? key, key, item] as const,
  );
  const exactLast = entries.sort(
    ([name, key], [otherName, otherKey]) => Number(name === key) - Number(otherName === otherKey),
  );
  return Object.fromEntries(
    exactLast.map(
      ([name, , item]) => [name, opaque.has(name) ? item : foldKeys(item, spellings, opaque)] as const,
    ),
  );
}
