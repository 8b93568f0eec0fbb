import { identityOf, type Nft, type SetElement } from '../../kernel/nft/index.ts';
import { TsnetError } from '../../model/errors.ts';
import type { NetworkRules } from '../../model/resource.ts';
import { chains, comment, elementsOf, sets, table } from './structure.ts';

/** Networks that go, and those that come or are made again. */
interface NetworkChange {
  readonly remove: readonly NetworkRules[];
  readonly add: readonly NetworkRules[];
}

/**
 * What keeps unpublished ports shut while the rules of the firewall are flushed: a table that belongs to this process's
 * socket, so that the kernel leaves it out of what others flush and refuses them to change it. It goes with the process.
 *
 * It knows bridges, not containers, and forbids nothing that the firewall allows.
 */
export class FlushGuard {
  readonly #nft: Nft;
  /** What is guarded; undefined while nobody asked for a guard. */
  #networks: readonly NetworkRules[] | undefined;
  /** What was carried out last, to tell at once that nothing changed; empty without a table. */
  #heldAs = '';
  /** By identity; what is in the kernel, because nobody else can change it. Undefined while there is no table. */
  #held: Map<string, SetElement> | undefined;

  /** @param nft whose owner closes it, which removes the table */
  constructor(nft: Nft) {
    this.#nft = nft;
  }

  /**
   * Guards the bridges of these networks and no others; without any there is no table. Costs nothing where nothing changes.
   *
   * @throws unsupported or kernel before Linux 5.12 and without nftables; conflict when another process holds the table
   */
  hold(networks: readonly NetworkRules[]): void {
    const state = networks.map(guardedAs).join('\n');
    if (state !== this.#heldAs) {
      this.#networks = undefined;
      this.#carryOut(networks);
      this.#heldAs = state;
    }
    this.#networks = networks;
  }

  #carryOut(networks: readonly NetworkRules[]): void {
    const wanted = new Map(networks.flatMap(elementsOf).map((element) => [identityOf(element), element]));
    if (this.#held === undefined) {
      if (wanted.size === 0) return;
      const elements = [...wanted.values()];
      this.#nft.addOwnedTable(table, { comment, sets: Object.values(sets), chains, elements });
      this.#held = wanted;
      return;
    }
    if (wanted.size === 0) this.#delete();
    else this.#replace(this.#held, wanted);
  }

  /** Stops guarding networks that are changed or go; what is made again as it was stays guarded meanwhile. */
  giveWay({ remove, add }: NetworkChange): void {
    if (this.#networks === undefined) return;
    const next = new Map(add.map((network) => [network.bridge, guardedAs(network)]));
    const going = new Set([...remove, ...add].map(({ bridge }) => bridge));
    const kept = this.#networks.filter(
      (network) => !going.has(network.bridge) || next.get(network.bridge) === guardedAs(network),
    );
    if (kept.length < this.#networks.length) this.hold(kept);
  }

  /**
   * Guards some networks more; without effect before the first `hold`. No network fails for want of a guard: where there
   * can be none, the next `hold` says why.
   */
  add(networks: readonly NetworkRules[]): void {
    if (this.#networks === undefined || networks.length === 0) return;
    const added = new Set(networks.map(({ bridge }) => bridge));
    try {
      this.hold([...this.#networks.filter(({ bridge }) => !added.has(bridge)), ...networks]);
    } catch (error) {
      if (!(error instanceof TsnetError)) throw error;
    }
  }

  /** Takes the table away. */
  release(): void {
    this.#networks = undefined;
    this.#delete();
  }

  #delete(): void {
    if (this.#held === undefined) return;
    this.#held = undefined;
    this.#heldAs = '';
    this.#nft.deleteOwnedTable(table);
  }

  #replace(held: ReadonlyMap<string, SetElement>, wanted: Map<string, SetElement>): void {
    const without = (from: ReadonlyMap<string, SetElement>, other: ReadonlyMap<string, SetElement>) =>
      [...from].flatMap(([identity, element]) => (other.has(identity) ? [] : [element]));
    const change = { remove: without(held, wanted), add: without(wanted, held) };
    if (change.remove.length + change.add.length === 0) return;
    // A refused change ends the table: the next one makes it again.
    this.#held = undefined;
    this.#heldAs = '';
    this.#nft.changeOwnedTable(table, change);
    this.#held = wanted;
  }
}

/** The same for networks that are guarded alike. */
function guardedAs({ bridge, isInternal, allowsIcc, ...network }: NetworkRules): string {
  const { routed = [], unprotected = [], trustedInterfaces = [] } = network;
  return `${bridge} ${isInternal} ${allowsIcc} ${[...routed, ...unprotected].join()} ${trustedInterfaces.join()}`;
}
