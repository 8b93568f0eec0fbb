import type { Ip } from '../../model/index.ts';
import { factsOf, type Facts } from './facts.ts';
import type { BaseChain } from './order.ts';
import type { Hook, Packet, Step, Walk } from './packet.ts';
import type { Action, Chain, Choice, Rule, Statement, Table, Translate } from './rules.ts';

/** What is taken to happen at rules that can't be told: which of their choices, from 1; 0 stands for none. */
export type Assumptions = ReadonlyMap<Rule, number>;

/** What was met, and the rules at which something else may happen, with the number of their choices. */
export interface Asked extends Walk {
  readonly doubts: readonly { readonly rule: Rule; readonly choices: number }[];
}

/** The deepest that chains jump. Source: Linux nf_tables.h, NFT_JUMP_STACK_SIZE is 16; the legacy flavour has no limit. */
const deepest = 64;

/** Where connections are found. Source: Linux netfilter_ipv4.h, NF_IP_PRI_CONNTRACK. */
const trackingPriority = -200;

/** The most rules that are asked: chains that jump to others twice would else be followed for ever. */
const mostRules = 200_000;

type Verdict = 'accept' | 'drop' | 'unknown';

/** Asks base chains in their order, under assumptions. */
export function ask(
  chains: readonly BaseChain[],
  hook: Hook,
  packet: Packet,
  isBridged: boolean,
  assumptions: Assumptions,
): Asked {
  const asker = new Asker(hook, packet, isBridged, assumptions);
  const verdict = asker.askAll(chains);
  return { steps: asker.steps, verdict, packet: asker.packet, doubts: asker.doubts };
}

class Asker {
  readonly steps: Step[] = [];
  readonly doubts: { rule: Rule; choices: number }[] = [];
  readonly #hook: Hook;
  readonly #isBridged: boolean;
  readonly #assumptions: Assumptions;
  #base: BaseChain | undefined;
  #isTranslated = false;
  #rulesAsked = 0;
  #packet: Packet;
  #facts: Facts;

  constructor(hook: Hook, packet: Packet, isBridged: boolean, assumptions: Assumptions) {
    this.#hook = hook;
    this.#packet = packet;
    this.#isBridged = isBridged;
    this.#assumptions = assumptions;
    this.#facts = factsOf(packet, hook, isBridged);
  }

  get packet(): Packet {
    return this.#packet;
  }

  askAll(chains: readonly BaseChain[]): Verdict {
    for (const base of chains) {
      this.#learn(base.chain.base.priority);
      // Only the first packet of a connection is asked for, and only until it has been given an address.
      const isForNat = this.#facts.connection === 'new' && !this.#isTranslated;
      if (base.chain.base.type === 'nat' && !isForNat) continue;
      this.#base = base;
      const verdict = this.#askChain(base.chain, 0) ?? this.#usePolicy(base);
      if (verdict !== 'accept') return verdict;
    }
    return 'accept';
  }

  /** Finds the connection once its turn has come. Packets that the host sends to itself come back with theirs. */
  #learn(priority: number): void {
    if (this.#facts.connection === 'untracked' || this.#isBridged) return;
    const isEarly = priority <= trackingPriority && (this.#hook === 'prerouting' || this.#hook === 'output');
    const isKnown = !isEarly || this.#packet.inLink === 'lo';
    this.#facts = { ...this.#facts, connection: isKnown ? this.#packet.connection : 'invalid' };
  }

  #usePolicy({ table, chain }: BaseChain): Verdict {
    const { policy } = chain.base;
    this.#note(table, chain, { outcome: policy, isCertain: true });
    return policy;
  }

  /** `undefined`: it came to its end. */
  #askChain(chain: Chain, depth: number): Verdict | undefined {
    if (depth > deepest) return 'unknown';
    for (const rule of chain.rules) {
      if (++this.#rulesAsked > mostRules) return 'unknown';
      const result = this.#askRule(rule, chain, depth);
      if (result === 'return') return undefined;
      if (result !== undefined) return result;
    }
    return undefined;
  }

  #askRule(rule: Rule, chain: Chain, depth: number): Verdict | 'return' | undefined {
    let isSure = true;
    let isAssumed = false;
    for (const statement of rule.statements()) {
      const choices = this.#choicesOf(statement);
      if (choices === 'passes') continue;
      if (choices === 'may pass') {
        isSure = false;
        continue;
      }
      const [only] = choices;
      if (only === undefined) return undefined;
      let choice: Choice = only;
      if (!isAssumed && (!isSure || !only.isSure)) {
        const assumed = this.#assume(rule, chain, choices.length);
        const chosen = choices[assumed - 1];
        if (chosen === undefined) return undefined;
        isAssumed = true;
        choice = chosen;
      }
      const result = this.#take(choice, rule, chain, depth);
      if (result !== undefined) return result;
    }
    return undefined;
  }

  #choicesOf(statement: Statement): readonly Choice[] | 'passes' | 'may pass' {
    if (statement.kind === 'act') return statement.act(this.#facts);
    const holds = statement.holds(this.#facts);
    return holds === true ? 'passes' : holds === undefined ? 'may pass' : [];
  }

  #assume(rule: Rule, chain: Chain, choices: number): number {
    const assumed = this.#assumptions.get(rule);
    if (assumed !== undefined) return assumed;
    this.doubts.push({ rule, choices });
    this.#noteRule(rule, chain, { outcome: 'unknown', isCertain: false });
    return 0;
  }

  #take({ action }: Choice, rule: Rule, chain: Chain, depth: number): Verdict | 'return' | undefined {
    switch (action.kind) {
      case 'accept':
      case 'drop':
      case 'reject':
        this.#noteRule(rule, chain, { outcome: action.kind, isCertain: true });
        return action.kind === 'accept' ? 'accept' : 'drop';
      case 'return':
        this.#noteRule(rule, chain, { outcome: 'return', isCertain: true });
        return 'return';
      case 'jump':
      case 'goto':
        return this.#jump(action, rule, chain, depth);
      case 'mark':
        this.#noteRule(rule, chain, { outcome: 'mark', isCertain: action.mark !== undefined });
        this.#facts = { ...this.#facts, mark: action.mark };
        if (action.mark !== undefined) this.#packet = { ...this.#packet, mark: action.mark };
        return undefined;
      case 'translate':
        this.#translate(action, rule, chain);
        return 'accept';
      case 'untrack':
        this.#facts = { ...this.#facts, connection: 'untracked', isTranslated: false };
        return undefined;
      case 'unknown':
        this.#noteRule(rule, chain, { outcome: 'unknown', isCertain: false });
        // It may end here or go on: `walk` tries both.
        if (!this.#assumptions.has(rule)) this.doubts.push({ rule, choices: 1 });
        return this.#assumptions.get(rule) === 1 ? 'unknown' : undefined;
      case 'continue':
        return undefined;
    }
  }

  #jump(
    action: Extract<Action, { kind: 'jump' | 'goto' }>,
    rule: Rule,
    chain: Chain,
    depth: number,
  ): Verdict | 'return' | undefined {
    const target = this.#base?.table.chains.get(action.chain);
    if (target === undefined) return undefined;
    this.#noteRule(rule, chain, { outcome: 'jump', isCertain: true });
    const verdict = this.#askChain(target, depth + 1);
    // From where `goto` leads there is no way back to this chain.
    return verdict ?? (action.kind === 'goto' ? 'return' : undefined);
  }

  #translate(action: Translate, rule: Rule, chain: Chain): void {
    const { packet } = this;
    const address = action.isToLink === true ? this.#addressOfLink(action) : { ip: action.ip, isExact: true };
    const isCertain = action.isExact && address.isExact;
    const translated = {
      ...(address.ip === undefined ? {} : { ip: address.ip }),
      ...(action.port === undefined ? {} : { port: action.port }),
    };
    const outcome = action.side === 'destination' ? 'translate-destination' : 'translate-source';
    this.#noteRule(rule, chain, { outcome, translated, isCertain });
    this.#isTranslated = true;
    if (action.side === 'source') {
      this.#setAddresses({
        ...packet,
        source: address.ip ?? packet.source,
        ...(action.port === undefined ? {} : { sourcePort: action.port }),
      });
      return;
    }
    const { destination, destinationPort } = packet;
    const next = { destination: address.ip ?? destination, destinationPort: action.port ?? destinationPort };
    // What is given the destination that it has does not count as translated. Source: nf_nat_core.c, nf_nat_setup_info.
    if (next.destination === destination && next.destinationPort === destinationPort) return;
    this.#setAddresses({
      ...packet,
      destination: next.destination,
      ...(next.destinationPort === undefined ? {} : { destinationPort: next.destinationPort }),
      original: packet.original ?? {
        destination,
        ...(destinationPort === undefined ? {} : { destinationPort }),
      },
    });
  }

  #setAddresses(packet: Packet): void {
    const { mark, connection } = this.#facts;
    this.#packet = packet;
    this.#facts = { ...factsOf(packet, this.#hook, this.#isBridged), mark, connection };
  }

  /** Source: Linux nf_nat_redirect.c: the host's own packets go to loopback, others to the first address of their link. */
  #addressOfLink({ side }: Translate): { readonly ip?: Ip | undefined; readonly isExact: boolean } {
    const { family, destination, localAddresses, inAddress, outAddress } = this.packet;
    // No rule that follows asks for the address it leaves with.
    if (side === 'source') return { ip: outAddress, isExact: true };
    if (this.#hook === 'output') return { ip: (family === 4 ? '127.0.0.1' : '::1') as Ip, isExact: true };
    if (inAddress !== undefined) return { ip: inAddress, isExact: true };
    return { ip: localAddresses.includes(destination) ? destination : undefined, isExact: false };
  }

  #noteRule(rule: Rule, chain: Chain, what: Pick<Step, 'outcome' | 'isCertain' | 'translated'>): void {
    if (this.#base === undefined) return;
    const { position, handle, text, packets, bytes, removal } = rule;
    this.#note(this.#base.table, chain, {
      ...what,
      rule: {
        position,
        ...(handle === undefined ? {} : { handle }),
        text,
        ...(packets === undefined ? {} : { packets }),
        ...(bytes === undefined ? {} : { bytes }),
      },
      removal,
    });
  }

  #note(
    { author, family, name }: Table,
    chain: Chain,
    what: Pick<Step, 'outcome' | 'isCertain' | 'translated' | 'rule' | 'removal'>,
  ): void {
    const priority = this.#base?.chain.base.priority ?? 0;
    this.steps.push({ hook: this.#hook, priority, author, family, table: name, chain: chain.name, ...what });
  }
}
