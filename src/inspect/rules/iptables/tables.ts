import { parseRule, targetOf } from '../../../kernel/iptables/parse-save.ts';
import type { IpFamily } from '../../../model/index.ts';
import { parseConditions } from './conditions.ts';
import { parseTarget } from './targets.ts';
import type { Hook, Step } from '../packet.ts';
import { shellLine } from '../quote.ts';
import { lazy, type Base, type Chain, type Rule, type Table } from '../rules.ts';

/** What iptables-save(8) printed for one flavour and family. */
export interface SavedText {
  readonly flavour: 'nft' | 'legacy';
  readonly family: IpFamily;
  readonly text: string;
}

const hooks: Readonly<Record<string, Hook>> = {
  PREROUTING: 'prerouting',
  INPUT: 'input',
  FORWARD: 'forward',
  OUTPUT: 'output',
  POSTROUTING: 'postrouting',
};

/** Source: Linux netfilter_ipv4.h, enum nf_ip_hook_priorities; nat has another one where it changes the source. */
const priorities: Readonly<Record<string, number>> = { raw: -300, mangle: -150, filter: 0, security: 50 };

/**
 * Reads the tables in it.
 *
 * @param program what changes them: `iptables`, `ip6tables-legacy`…
 */
export function parseIptablesTables({ flavour, family, text }: SavedText, program: string): Table[] {
  const author: Step['author'] = `iptables-${flavour}`;
  const tables: Table[] = [];
  let name = '';
  let chains = new Map<string, Chain & { readonly rules: Rule[] }>();
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      name = line.slice(1).trim();
      chains = new Map();
      tables.push({ author, family: family === 4 ? 'ip' : 'ip6', name, chains });
      continue;
    }
    const declared = /^:(\S+) (\S+)/.exec(line);
    if (declared !== null) {
      const [, chain = '', policy = '-'] = declared;
      const base = policy === '-' ? undefined : baseOf(name, chain, policy);
      chains.set(chain, { name: chain, ...(base === undefined ? {} : { base }), rules: [] });
      continue;
    }
    const appended = /^(?:\[(\d+):(\d+)\] )?-A (\S+)(?: (.*))?$/.exec(line);
    if (appended === null) continue;
    const chain = chains.get(appended[3] ?? '');
    chain?.rules.push(makeRule(appended, chain.rules.length + 1, chains, { program, table: name, family }));
  }
  return tables;
}

function baseOf(table: string, chain: string, policy: string): Base | undefined {
  const hook = Object.hasOwn(hooks, chain) ? hooks[chain] : undefined;
  if (hook === undefined) return undefined;
  const isForSource = hook === 'input' || hook === 'postrouting';
  return {
    // A mark that is set on the way out makes the kernel look for the route anew. Source: Linux iptable_mangle.c.
    type: table === 'nat' ? 'nat' : table === 'mangle' && hook === 'output' ? 'route' : 'filter',
    hook,
    priority: table === 'nat' ? (isForSource ? 100 : -100) : (priorities[table] ?? 0),
    policy: policy === 'DROP' ? 'drop' : 'accept',
  };
}

interface Place {
  readonly program: string;
  readonly table: string;
  readonly family: IpFamily;
}

function makeRule(
  [, packets, bytes, chain = '', body = '']: readonly (string | undefined)[],
  position: number,
  chains: ReadonlyMap<string, Chain>,
  { program, table, family }: Place,
): Rule {
  // Not kept: of a large set few rules are asked twice for their words.
  const parse = () => parseRule(body);
  return {
    text: body === '' ? `-A ${chain}` : `-A ${chain} ${body}`,
    position,
    ...(packets === undefined ? {} : { packets: Number(packets) }),
    ...(bytes === undefined ? {} : { bytes: Number(bytes) }),
    translates: / -j (?:DNAT|REDIRECT)\b/.test(` ${body}`),
    get removal() {
      const place = table === 'filter' ? [] : ['-t', table];
      return shellLine([program, ...place, '-D', chain, ...parse().arguments]);
    },
    leadsTo: () => {
      if (!chains.has(/ -[jg] (\S+)/.exec(` ${body}`)?.[1] ?? '') && !body.includes('"')) return [];
      const target = targetOf(parse());
      return target !== undefined && chains.has(target) ? [target] : [];
    },
    statements: lazy(() => {
      const rule = parse();
      const target = targetOf(rule);
      // Without a target a rule only counts: nothing depends on what it asks for.
      if (target === undefined) return [];
      const effect = parseTarget(rule, target, chains.has(target), family);
      return effect === undefined ? [] : [...parseConditions(rule, family), effect];
    }),
  };
}
