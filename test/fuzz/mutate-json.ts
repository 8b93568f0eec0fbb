import { mutateText, oddTexts } from './mutate-text.ts';
import type { Random } from './random.ts';

/** Anything that JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * The text of a document that differs in a few of its values and keys; now and then in its bytes.
 *
 * @param dictionary keys and values of the field
 */
export function mutateJson(random: Random, seed: Json, dictionary: readonly string[] = []): string {
  let document = seed;
  for (let changes = 1 + random.below(3); changes > 0; changes -= 1) {
    document = changeWithin(random, document, dictionary);
  }
  const text = JSON.stringify(document);
  return random.once(20) ? mutateText(random, text, dictionary) : text;
}

const oddNumbers = [0, -0, -1, 1, 0.5, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 53, 1e21, 1e308];

/** Goes down to a value, the deeper the likelier, and changes it. */
function changeWithin(random: Random, value: Json, dictionary: readonly string[]): Json {
  if (typeof value === 'object' && value !== null && !random.once(6)) {
    const keys = Object.keys(value);
    if (keys.length > 0) {
      const key = random.pick(keys);
      const inner = (child: Json) => changeWithin(random, child, dictionary);
      if (Array.isArray(value))
        return value.map((child: Json, at) => (String(at) === key ? inner(child) : child));
      return changed(value as { readonly [key: string]: Json }, key, inner);
    }
  }
  return changeHere(random, value, dictionary);
}

/** The same object with another value; a key of any name, `__proto__` too, is one of its own. */
function changed(
  object: { readonly [key: string]: Json },
  key: string,
  change: (value: Json) => Json,
): { readonly [key: string]: Json } {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name, name === key ? change(value) : value]),
  );
}

function changeHere(random: Random, value: Json, dictionary: readonly string[]): Json {
  if (random.once(3)) return anything(random, dictionary);
  if (typeof value === 'string') return mutateText(random, value, dictionary);
  if (typeof value === 'number')
    return random.once(2) ? random.pick(oddNumbers) : value + random.pick([-1, 1, 0.5]);
  if (Array.isArray(value)) return changeList(random, value as readonly Json[], dictionary);
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value as { readonly [key: string]: Json });
    const at = random.below(entries.length);
    switch (random.below(3)) {
      case 0:
        return Object.fromEntries(entries.filter((_, index) => index !== at));
      case 1:
        return Object.fromEntries(
          entries.map(([name, inner], index) => [index === at ? aKey(random, dictionary) : name, inner]),
        );
      default:
        return Object.fromEntries([...entries, [aKey(random, dictionary), anything(random, dictionary)]]);
    }
  }
  return anything(random, dictionary);
}

function changeList(random: Random, list: readonly Json[], dictionary: readonly string[]): Json {
  const at = random.below(list.length + 1);
  switch (random.below(3)) {
    case 0:
      return [...list.slice(0, at), ...list.slice(at + 1)];
    case 1:
      return [...list.slice(0, at), ...list.slice(Math.max(0, at - 1))];
    default:
      return [...list.slice(0, at), anything(random, dictionary), ...list.slice(at)];
  }
}

function aKey(random: Random, dictionary: readonly string[]): string {
  return random.once(3) || dictionary.length === 0
    ? random.pick(['__proto__', 'constructor', 'prototype', 'toString', '', '0', 'length'])
    : random.pick(dictionary);
}

function anything(random: Random, dictionary: readonly string[]): Json {
  switch (random.below(9)) {
    case 0:
      return null;
    case 1:
      return random.once(2);
    case 2:
      return random.pick(oddNumbers);
    case 3:
      return [];
    case 4:
      return {};
    case 5:
      return Object.fromEntries([['__proto__', { polluted: true }]]);
    case 6:
      return [anything(random, dictionary)];
    case 7:
      return dictionary.length === 0 ? '' : random.pick(dictionary);
    default:
      return random.pick(oddTexts);
  }
}

/** Every key and short text of documents: the words that readers of such documents look for. */
export function wordsOf(...documents: readonly Json[]): string[] {
  const words = new Set<string>();
  const collect = (value: Json): void => {
    if (typeof value === 'string' && value.length <= 64) words.add(value);
    if (typeof value !== 'object' || value === null) return;
    if (!Array.isArray(value)) for (const key of Object.keys(value)) words.add(key);
    for (const inner of Object.values(value)) collect(inner as Json);
  };
  for (const document of documents) collect(document);
  return [...words];
}
