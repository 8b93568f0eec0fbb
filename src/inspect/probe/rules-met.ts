import type { NftTraceEvent } from '../../kernel/trace/index.ts';
import type { NetnsView } from '../../observe/host/index.ts';
import { parseRuleSets } from '../rules/index.ts';

/** A rule or policy that a packet of the probe met, in the order of asking. */
export interface RuleMet {
  /** As nft(8) names families. */
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly kind: 'rule' | 'policy' | 'return';
  readonly handle?: number;
  /** As its own program prints it; absent where it was made after the inspection. */
  readonly text?: string;
  readonly verdict: string;
  /** Whether an answer met it, and not the packet of the probe. */
  readonly isAnswer: boolean;
  readonly inLink?: string;
  readonly outLink?: string;
}

/** What the kernel told of rules, each once for packets and once for answers, with their texts and the names of links. */
export function rulesMet(events: readonly NftTraceEvent[], netns: NetnsView, probePort: number): RuleMet[] {
  const textOf = ruleTexts(netns);
  const isAnswer = new Map<number, boolean>();
  const nameOf = (index: number | undefined) => netns.links.find((link) => link.index === index)?.name;
  const seen = new Set<string>();
  return events.flatMap((event) => {
    const { packet, sourcePort, destinationPort, inLinkIndex, outLinkIndex, ...rest } = event;
    if (sourcePort === probePort) isAnswer.set(packet, false);
    else if (destinationPort === probePort) isAnswer.set(packet, true);
    // The end of a chain without a rule that matched says nothing, nor do the further packets of the connection.
    if (event.kind === 'rule' && event.handle === undefined) return [];
    const key = [
      isAnswer.get(packet),
      keyOf(event),
      event.kind,
      event.handle,
      inLinkIndex,
      outLinkIndex,
    ].join('\0');
    if (seen.has(key)) return [];
    seen.add(key);
    const text = event.handle === undefined ? undefined : textOf(event, event.handle);
    const [inLink, outLink] = [nameOf(inLinkIndex), nameOf(outLinkIndex)];
    return [
      {
        ...rest,
        isAnswer: isAnswer.get(packet) ?? false,
        ...(text === undefined ? {} : { text }),
        ...(inLink === undefined ? {} : { inLink }),
        ...(outLink === undefined ? {} : { outLink }),
      },
    ];
  });
}

type ChainPlace = Pick<NftTraceEvent, 'family' | 'table' | 'chain'>;

/** Texts of iptables say more, but lack the numbers by which the kernel names rules: the place in the chain has both. */
function ruleTexts({ ruleSets }: NetnsView): (place: ChainPlace, handle: number) => string | undefined {
  if (ruleSets === undefined) return () => undefined;
  const handles = new Map<string, number[]>();
  for (const { family, table, chain, handle } of listedRules(ruleSets.nft)) {
    const key = keyOf({ family, table, chain });
    handles.set(key, [...(handles.get(key) ?? []), handle]);
  }
  const { tables } = parseRuleSets(ruleSets);
  return (place, handle) => {
    const position = handles.get(keyOf(place))?.indexOf(handle) ?? -1;
    const table = tables.find(({ family, name }) => family === place.family && name === place.table);
    return position === -1 ? undefined : table?.chains.get(place.chain)?.rules[position]?.text;
  };
}

function keyOf({ family, table, chain }: ChainPlace): string {
  return `${family}\0${table}\0${chain}`;
}

/** The rules that `nft --json list ruleset` printed. */
function listedRules(nft: unknown): (ChainPlace & { readonly handle: number })[] {
  const list = field(nft, 'nftables');
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown) => {
    const rule = field(item, 'rule');
    const [family, table, chain, handle] = ['family', 'table', 'chain', 'handle'].map((name) =>
      field(rule, name),
    );
    return typeof family === 'string' &&
      typeof table === 'string' &&
      typeof chain === 'string' &&
      typeof handle === 'number'
      ? [{ family, table, chain, handle }]
      : [];
  });
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
