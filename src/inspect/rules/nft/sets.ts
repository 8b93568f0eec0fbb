import type { Facts } from '../facts.ts';
import { field, isList, type Json } from './json.ts';
import { parseSelector, type Domain, type Selector } from './selectors.ts';
import { anyOf, elementValue, parseFits, type Fits } from './values.ts';
import { and, or, type Truth } from '../truth.ts';

/** An element of a set or a map, as `nft --json` prints it. */
export interface Element {
  readonly key: Json;
  /** Of maps only. */
  readonly data?: Json;
}

/** An element that a packet fits, or may fit. */
export interface Hit {
  readonly element: Element;
  readonly isSure: boolean;
}

/** Finds sets and maps of a table by name. */
export type FindSet = (name: string) => readonly Element[] | undefined;

/** Finds the elements that a packet fits; `undefined` for keys and sets that are not modelled. */
export function parseLookup(
  key: Json | undefined,
  container: Json | undefined,
  findSet: FindSet,
): ((facts: Facts) => readonly Hit[]) | undefined {
  const selectors = parseKey(key);
  const elements = elementsOf(container, findSet);
  if (selectors === undefined || elements === undefined) return undefined;
  const parsed = parseElements(
    elements,
    selectors.map(({ domain }) => domain),
  );
  return (facts) => {
    const values = selectors.map(({ read }) => read(facts));
    if (values.includes(null)) return [];
    const hits: Hit[] = [];
    for (const { element, fits } of parsed.entries) {
      const truth = and(
        fits.map((fit, index) => {
          const value = values[index];
          return value === undefined || value === null ? undefined : fit(value);
        }),
      );
      if (truth === true) return [{ element, isSure: true }];
      if (truth === undefined) hits.push({ element, isSure: false });
    }
    if (parsed.rest !== undefined) hits.push({ element: parsed.rest, isSure: hits.length === 0 });
    return hits;
  };
}

/** Whether a packet fits any element. */
export function isAnyHit(hits: readonly Hit[]): Truth {
  return or(hits.map(({ isSure }) => (isSure ? true : undefined)));
}

/** What a key is made of, a concatenation of more than one part. */
export function parseKey(key: Json | undefined): readonly Selector[] | undefined {
  const parts = field(key, 'concat') ?? [key ?? null];
  if (!isList(parts)) return undefined;
  const selectors = parts.map(parseSelector);
  return selectors.includes(undefined) ? undefined : (selectors as Selector[]);
}

/** The elements of a named set (`@name`) or of one that stands in the rule; `undefined` for neither. */
export function elementsOf(container: Json | undefined, findSet: FindSet): readonly Element[] | undefined {
  if (typeof container === 'string')
    return container.startsWith('@') ? findSet(container.slice(1)) : undefined;
  const found = field(container, 'set');
  if (found === undefined) return undefined;
  return isList(found) ? parseElementList(found, found.every(isPair)) : [{ key: found }];
}

/** Reads the elements that `nft --json` lists. */
export function parseElementList(list: readonly Json[], isMap: boolean): Element[] {
  return list.map((item) =>
    isMap && isList(item) ? { key: item[0] ?? null, data: item[1] ?? null } : { key: item },
  );
}

function isPair(item: Json): boolean {
  return isList(item) && item.length === 2;
}

interface ParsedElements {
  readonly entries: readonly { readonly element: Element; readonly fits: readonly Fits[] }[];
  /** The element `*`: what none of the others fits. */
  readonly rest?: Element;
}

const unknown: Fits = () => undefined;

function parseElements(elements: readonly Element[], domains: readonly Domain[]): ParsedElements {
  const entries = [];
  let rest: Element | undefined;
  for (const element of elements) {
    const value = elementValue(element.key);
    if (value === '*') {
      rest = element;
      continue;
    }
    const parts = field(value, 'concat') ?? [value];
    const list = isList(parts) ? parts : [];
    entries.push({ element, fits: domains.map((domain, index) => partFits(list[index] ?? null, domain)) });
  }
  return { entries, ...(rest === undefined ? {} : { rest }) };
}

function partFits(part: Json, domain: Domain): Fits {
  if (isList(part)) return anyOf(part.map((one) => parseFits(one, domain) ?? unknown));
  return parseFits(part, domain) ?? unknown;
}
