import { ask, type Asked, type Assumptions } from './ask.ts';
import { baseChainsOf, type BaseChain, type Part } from './order.ts';
import type { Hook, Packet, Walk } from './packet.ts';
import type { Rule, Rules } from './rules.ts';

/** How many ways are tried before a verdict counts as unknown. */
const mostWays = 128;

/**
 * What the rules of a namespace do to a packet at a hook, as the kernel would ask them.
 *
 * A rule that can't be told is taken not to match. Then each is taken to match: where that ends otherwise, the verdict is
 * `unknown`.
 */
export function walk(rules: Rules, hook: Hook, packet: Packet, part: Part = {}): Walk {
  const chains = baseChainsOf(rules, hook, packet.family, part);
  const isBridged = part.family === 'bridge';
  const askUnder = (assumptions: Assumptions) => ask(chains, hook, packet, isBridged, assumptions);
  const likely = askUnder(new Map());
  const steps = isOrderInDoubt(chains, likely, (some) => ask(some, hook, packet, isBridged, new Map()))
    ? likely.steps.map((step) => (step.translated === undefined ? step : { ...step, isCertain: false }))
    : likely.steps;
  return { steps, verdict: isSame(likely, askUnder) ? likely.verdict : 'unknown', packet: likely.packet };
}

/** Whether every way ends as the likely one does. */
function isSame(likely: Asked, askUnder: (assumptions: Assumptions) => Asked): boolean {
  const ways: Map<Rule, number>[] = [];
  const branch = (assumed: ReadonlyMap<Rule, number>, { doubts }: Asked) => {
    const before = new Map(assumed);
    for (const { rule, choices } of doubts) {
      for (let choice = 1; choice <= choices; choice++) ways.push(new Map(before).set(rule, choice));
      before.set(rule, 0);
    }
  };
  branch(new Map(), likely);
  for (let index = 0; index < ways.length; index++) {
    if (index >= mostWays) return false;
    const assumed = ways[index] ?? new Map<Rule, number>();
    const asked = askUnder(assumed);
    if (asked.verdict !== likely.verdict) return false;
    branch(assumed, asked);
  }
  return true;
}

/**
 * Whether chains of equal priority would translate differently and it can't be told which is asked first: the legacy
 * flavour does not tell when it was loaded.
 */
function isOrderInDoubt(
  chains: readonly BaseChain[],
  likely: Asked,
  askOnly: (chains: readonly BaseChain[]) => Asked,
): boolean {
  const step = likely.steps.find(({ translated }) => translated !== undefined);
  if (step === undefined) return false;
  const rivals = chains.filter(
    ({ table, chain }) =>
      chain.base.type === 'nat' &&
      chain.base.priority === step.priority &&
      (table.author === 'iptables-legacy') !== (step.author === 'iptables-legacy'),
  );
  return rivals.length > 0 && askOnly(rivals).steps.some(({ translated }) => translated !== undefined);
}
