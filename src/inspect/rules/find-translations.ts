import type { Ip, IpFamily, Protocol } from '../../model/index.ts';
import type { Facts } from './facts.ts';
import type { Hook, Step } from './packet.ts';
import type { Rule, Rules, Table, Translate } from './rules.ts';

/** A rule that gives packets for a port another destination. */
export interface Translation extends Pick<Step, 'author' | 'family' | 'table' | 'chain' | 'removal'> {
  readonly rule: NonNullable<Step['rule']>;
  /** The element of a map that says so, such as `tcp . 8080 : 10.0.0.2 . 80`. */
  readonly element?: string;
  /** Where the port leads to; without an address it stays on the host or is not known. */
  readonly translated: { readonly ip?: Ip; readonly port?: number };
  /** Hooks from which chains lead to it. None: nothing leads to it. */
  readonly hooks: readonly Hook[];
  /** False where one of several destinations is taken. */
  readonly isCertain: boolean;
}

/**
 * Every rule of any author that translates a destination port, in the order of tables and chains, whether packets get
 * there or not. What a rule asks for besides protocol and port (addresses, links) is left open.
 */
export function findTranslations(
  rules: Rules,
  { protocol, port }: { readonly protocol: Protocol; readonly port: number },
): Translation[] {
  const facts: Facts = { protocol, destinationPort: port, connection: 'new', isTranslated: false };
  return rules.tables.flatMap((table) => {
    if (table.family === 'bridge') return [];
    const own: Facts = { ...facts, family: families[table.family] };
    return [...table.chains.values()].flatMap((chain) =>
      chain.rules.flatMap((rule) =>
        translationsOf(rule, own).map(({ action, element }) => ({
          author: table.author,
          family: table.family,
          table: table.name,
          chain: chain.name,
          rule: describe(rule),
          ...(element === undefined ? {} : { element }),
          translated: {
            ...(action.ip === undefined ? {} : { ip: action.ip }),
            ...(action.port === undefined ? {} : { port: action.port }),
          },
          hooks: hooksOf(table, chain.name),
          isCertain: action.isExact,
          removal: rule.removal,
        })),
      ),
    );
  });
}

const hooks: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

const families: Readonly<Record<string, IpFamily>> = { ip: 4, ip6: 6 };

interface Found {
  readonly action: Translate;
  readonly element?: string;
}

function translationsOf(rule: Rule, facts: Facts): Found[] {
  if (!rule.translates) return [];
  const found: Found[] = [];
  for (const statement of rule.statements()) {
    if (statement.kind === 'match') {
      if (statement.holds(facts) === false) return found;
      continue;
    }
    for (const { action, element } of statement.act(facts)) {
      if (action.kind !== 'translate' || action.side !== 'destination') continue;
      found.push({ action, ...(element === undefined ? {} : { element }) });
    }
  }
  return found;
}

function describe({ position, handle, text, packets, bytes }: Rule): Translation['rule'] {
  return {
    position,
    ...(handle === undefined ? {} : { handle }),
    text,
    ...(packets === undefined ? {} : { packets }),
    ...(bytes === undefined ? {} : { bytes }),
  };
}

/** The hooks whose base chains lead to a chain, whatever their rules ask for. */
function hooksOf({ chains }: Table, name: string): Hook[] {
  const found = new Set<Hook>();
  for (const { base, name: start } of chains.values()) {
    if (base !== undefined && !found.has(base.hook) && isReached(chains, start, name)) found.add(base.hook);
  }
  return hooks.filter((hook) => found.has(hook));
}

function isReached(chains: Table['chains'], start: string, name: string): boolean {
  const reached = new Set([start]);
  for (const from of reached) {
    if (from === name) return true;
    for (const rule of chains.get(from)?.rules ?? []) {
      for (const target of rule.leadsTo()) reached.add(target);
    }
  }
  return false;
}
