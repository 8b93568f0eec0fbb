import { field, isList, isObject, number, only, text, type Json, type JsonObject } from './json.ts';
import { elementsOf, parseElementList, type Element, type FindSet } from './sets.ts';
import { parseStatement } from './statements.ts';
import { formatRule } from './text.ts';
import type { Hook } from '../packet.ts';
import { shellLine } from '../quote.ts';
import { lazy, type Base, type Chain, type Rule, type Table } from '../rules.ts';

const hooks: readonly string[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

/** Names of priorities. Source: nft(8), table "Standard priority names"; the second of bridges. */
const priorities: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
};
const bridgePriorities: Readonly<Record<string, number>> = {
  dstnat: -300,
  filter: -200,
  out: 100,
  srcnat: 300,
};

interface OpenTable {
  readonly family: string;
  readonly name: string;
  readonly handle?: number;
  readonly chains: Map<string, Chain & { readonly rules: Rule[] }>;
  readonly sets: Map<string, () => readonly Element[]>;
}

/**
 * Reads what `nft --json list ruleset` printed. Tables that sleep (`dormant`) and families other than `ip`, `ip6`,
 * `inet` and `bridge` are left out, and so is what does not have the form of a rule set.
 */
export function parseNftTables(ruleset: unknown): Table[] {
  const list = field(ruleset, 'nftables');
  const tables = new Map<string, OpenTable>();
  for (const item of isList(list) ? list : []) {
    const [kind, body] = only(item) ?? ['', null];
    if (!isObject(body)) continue;
    if (kind === 'table') openTable(tables, body);
    const table = tables.get(keyOf(body, text(body, 'table')));
    if (table === undefined) continue;
    if (kind === 'chain') addChain(table, body);
    if (kind === 'set' || kind === 'map') addSet(table, body, kind === 'map');
    if (kind === 'rule') addRule(table, body);
  }
  return [...tables.values()].map(({ family, name, handle, chains }) => ({
    author: 'nftables',
    family,
    name,
    ...(handle === undefined ? {} : { handle }),
    chains,
  }));
}

function keyOf(body: JsonObject, name: string | undefined): string {
  return `${text(body, 'family') ?? ''} ${name ?? ''}`;
}

function openTable(tables: Map<string, OpenTable>, body: JsonObject): void {
  const [family, name, handle] = [
    text(body, 'family') ?? '',
    text(body, 'name') ?? '',
    number(body, 'handle'),
  ];
  const flags = field(body, 'flags');
  const isDormant = flags === 'dormant' || (isList(flags) && flags.includes('dormant'));
  if (isDormant || !['ip', 'ip6', 'inet', 'bridge'].includes(family)) return;
  const table = {
    family,
    name,
    ...(handle === undefined ? {} : { handle }),
    chains: new Map(),
    sets: new Map(),
  };
  tables.set(keyOf(body, name), table);
}

function addChain({ family, chains }: OpenTable, body: JsonObject): void {
  const name = text(body, 'name') ?? '';
  const base = parseBase(body, family);
  chains.set(name, { name, ...(base === undefined ? {} : { base }), rules: [] });
}

function parseBase(body: JsonObject, family: string): Base | undefined {
  const [type, hook] = [text(body, 'type'), text(body, 'hook')];
  if (hook === undefined || !hooks.includes(hook)) return undefined;
  return {
    type: type === 'nat' || type === 'route' ? type : 'filter',
    hook: hook as Hook,
    priority: parsePriority(field(body, 'prio') ?? 0, family),
    policy: text(body, 'policy') === 'drop' ? 'drop' : 'accept',
  };
}

/** A number, or a name with something added to it: `filter + 5`. */
function parsePriority(priority: Json, family: string): number {
  if (typeof priority === 'number') return priority;
  const parts = typeof priority === 'string' ? /^([a-z]*)\s*([+-]?)\s*(\d*)$/.exec(priority) : null;
  const [, name = '', sign, digits] = parts ?? [];
  const base = (family === 'bridge' ? bridgePriorities : priorities)[name] ?? 0;
  return base + Number(digits ?? 0) * (sign === '-' ? -1 : 1);
}

function addSet({ sets }: OpenTable, body: JsonObject, isMap: boolean): void {
  const elements = field(body, 'elem');
  sets.set(
    text(body, 'name') ?? '',
    lazy(() => parseElementList(isList(elements) ? elements : [], isMap)),
  );
}

function addRule(table: OpenTable, body: JsonObject): void {
  const chain = table.chains.get(text(body, 'chain') ?? '');
  const found = field(body, 'expr');
  if (chain === undefined || !isList(found)) return;
  const [handle, comment] = [number(body, 'handle'), text(body, 'comment')];
  const counter = found.map((expression) => field(expression, 'counter')).find(isObject);
  const [packets, bytes] = [number(counter, 'packets'), number(counter, 'bytes')];
  const findSet: FindSet = (name) => table.sets.get(name)?.();
  const format = lazy(() => formatRule(found, comment));
  chain.rules.push({
    get text() {
      return format();
    },
    position: chain.rules.length + 1,
    ...(handle === undefined ? {} : { handle }),
    ...(packets === undefined ? {} : { packets }),
    ...(bytes === undefined ? {} : { bytes }),
    translates: found.some((expression) => ['dnat', 'redirect'].includes(only(expression)?.[0] ?? '')),
    removal: shellLine([
      'nft',
      'delete',
      'rule',
      table.family,
      table.name,
      chain.name,
      ...(handle === undefined ? [] : ['handle', String(handle)]),
    ]),
    leadsTo: () => found.flatMap((expression) => chainsOf(expression, findSet)),
    statements: lazy(() => found.flatMap((expression) => parseStatement(expression, findSet))),
  });
}

/** The chains that an expression may lead to: by itself, or by the elements of a verdict map. */
function chainsOf(expression: Json, findSet: FindSet): string[] {
  const [kind, body] = only(expression) ?? ['', null];
  if (kind === 'jump' || kind === 'goto') return [text(body, 'target') ?? ''];
  if (kind !== 'vmap') return [];
  return (elementsOf(field(body, 'data'), findSet) ?? []).flatMap(({ data }) =>
    chainsOf(data ?? null, findSet),
  );
}
