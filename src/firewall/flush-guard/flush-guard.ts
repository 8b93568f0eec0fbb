import { identityOf, type Nft, type SetElement } from '../../kernel/nft/index.ts';
import type { NetworkRules } from '../../model/resource.ts';
import { chains, comment, elementsOf, sets, table } from './structure.ts';

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
    this.#networks = networks;
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

  /** Guards other networks than before, by their bridges; without effect before the first `hold`. */
  change({
    remove,
    add,
  }: {
    readonly remove: readonly NetworkRules[];
    readonly add: readonly NetworkRules[];
  }): void {
    if (this.#networks === undefined || remove.length + add.length === 0) return;
    const changed = new Set([...remove, ...add].map(({ bridge }) => bridge));
    this.hold([...this.#networks.filter(({ bridge }) => !changed.has(bridge)), ...add]);
  }

  /** Takes the table away. */
  release(): void {
    this.#networks = undefined;
    this.#delete();
  }

  #delete(): void {
    if (this.#held === undefined) return;
    this.#nft.deleteOwnedTable(table);
    this.#held = undefined;
  }

  #replace(held: ReadonlyMap<string, SetElement>, wanted: Map<string, SetElement>): void {
    const without = (from: ReadonlyMap<string, SetElement>, other: ReadonlyMap<string, SetElement>) =>
      [...from].flatMap(([identity, element]) => (other.has(identity) ? [] : [element]));
    const change = { remove: without(held, wanted), add: without(wanted, held) };
    if (change.remove.length + change.add.length === 0) return;
    this.#nft.changeOwnedTable(table, change);
    this.#held = wanted;
  }
}
