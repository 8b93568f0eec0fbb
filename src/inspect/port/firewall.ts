import type { NetnsView } from '../../observe/host/snapshot.ts';
import type { Hook, Packet, Step, Walk } from '../rules/packet.ts';
import type { Part } from '../rules/order.ts';
import { walk } from '../rules/walk.ts';
import { blockFinding, symptomOf, type BlockPlace } from './firewall-findings.ts';
import { bad, good, unknown } from './hop.ts';
import type { Hop, Stage } from './report.ts';
import type { Scene } from './scene.ts';
import { evidenceOf, whereOf } from './step-text.ts';
import { without } from './without.ts';

/** What becomes of a packet at a hook, if everything that ends it were repaired. */
export interface Passage {
  /** How it goes on. */
  readonly packet: Packet;
  /** What it met in the end. */
  readonly walk: Walk | undefined;
  /** What ends it, in the order of the rules; each would be met once the one before is repaired. */
  readonly blocks: readonly Step[];
}

/** No set-up that was made on purpose has more in a row. */
const mostBlocks = 8;

/** Walks the rules of a namespace at a hook, and on behind whatever ends the packet. */
export function pass({ rulesOf }: Scene, netns: NetnsView, hook: Hook, packet: Packet, part?: Part): Passage {
  let rules = rulesOf(netns);
  const blocks: Step[] = [];
  while (rules !== undefined && blocks.length < mostBlocks) {
    const met = walk(rules, hook, packet, part);
    const block = met.verdict === 'drop' ? met.steps.findLast(ends) : undefined;
    if (block === undefined) return { packet: met.packet, walk: met, blocks };
    blocks.push(block);
    rules = without(rules, block);
  }
  return { packet, walk: undefined, blocks };
}

/** The hops for a passage: what ends the packet, or by which rules it goes on. */
export function firewallHops(
  passage: Passage,
  place: BlockPlace & { readonly stage?: Stage; readonly hook: Hook },
): Hop[] {
  const stage = place.stage ?? 'firewall';
  const { blocks, walk: met } = passage;
  if (blocks.length > 0) {
    return blocks.map((block) => bad(stage, blockFinding(block, place), symptomOf(block, place.packet)));
  }
  if (met === undefined) return [unknown(stage, `the rules at ${place.hook} could not be read`)];
  if (met.verdict === 'unknown') {
    const step = met.steps.findLast(({ isCertain }) => !isCertain);
    const which = step === undefined ? 'a rule' : whereOf(step);
    return [unknown(stage, `${place.hook}: ${which} asks for something that only a real packet tells`)];
  }
  // Chains that translate accept everything and decide nothing.
  const accepts = met.steps.filter(({ outcome, table }) => outcome === 'accept' && table !== 'nat');
  const last = accepts.at(-1);
  const words = last === undefined ? 'no rule is against it' : `accepted by ${whereOf(last)}`;
  return [good(stage, `${place.hook}: ${words}`, ...accepts.map(evidenceOf))];
}

function ends({ outcome }: Step): boolean {
  return outcome === 'drop' || outcome === 'reject';
}
