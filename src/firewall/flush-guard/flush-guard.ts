import { identityOf, type Nft, type SetElement } from '../../kernel/nft/index.ts';
import { TsnetError } from '../../model/errors.ts';
import type { NetworkRules } from '../../model/resource.ts';
import {
  chains,
  comment,
  elementsOf,
  frameChains,
  frameTable,
  sets,
  stopgapComment,
  stopgapTable,
  table,
} from './structure.ts';

/** Networks that go, and those that come or are made again. */
interface NetworkChange {
  readonly remove: readonly NetworkRules[];
  readonly add: readonly NetworkRules[];
}

/**
 * What keeps unpublished ports shut while the rules of the firewall are flushed: a table that belongs to this process's
 * socket, so that the kernel leaves it out of what others flush and refuses them to change it. It goes with the process.
 *
 * It knows bridges, not containers, and forbids nothing that the firewall allows. Where there can be no such table, one
 * that everybody may flush takes its place after each flush, until the firewall is whole again.
 */
export class FlushGuard {
  readonly #nft: Nft;
  /** What is guarded; undefined while nobody asked for a guard. */
  #networks: readonly NetworkRules[] | undefined;
  /** What was carried out last, to tell at once that nothing changed; empty without a table. */
  #heldAs = '';
  /** By identity; what is in the kernel, because nobody else can change it. Undefined while there is no table. */
  #held: Map<string, SetElement> | undefined;
  #holdsFrames = false;
  /** At first it may be there from a process that was killed. */
  #stopgap: 'unknown' | 'there' | 'none' = 'unknown';

  /** @param nft whose owner closes it, which removes the table */
  constructor(nft: Nft) {
    this.#nft = nft;
  }

  /**
   * Guards the bridges of these networks and no others; without any there is no table. Costs nothing where nothing changes.
   *
   * @param filtersFrames whether what is no IP is kept from passing between ports that are marked so
   * @throws unsupported or kernel before Linux 5.12 and without nftables; conflict when another process holds the table
   */
  hold(networks: readonly NetworkRules[], filtersFrames = this.#holdsFrames): void {
    const state = networks.map(guardedAs).join('\n');
    if (state !== this.#heldAs) {
      this.#networks = undefined;
      this.#carryOut(networks);
      this.#heldAs = state;
    }
    this.#networks = networks;
    this.#holdFrames(filtersFrames && networks.length > 0);
  }

  #holdFrames(isWanted: boolean): void {
    if (isWanted === this.#holdsFrames) return;
    if (isWanted)
      this.#nft.addOwnedTable(frameTable, { comment, sets: [], chains: frameChains, elements: [] });
    else this.#nft.deleteOwnedTable(frameTable);
    this.#holdsFrames = isWanted;
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
    if (this.#stopgap === 'there' && remove.length + add.length > 0) this.removeStopgap();
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
  add(networks: readonly NetworkRules[], filtersFrames: boolean): void {
    if (this.#networks === undefined || networks.length === 0) return;
    const added = new Set(networks.map(({ bridge }) => bridge));
    try {
      const others = this.#networks.filter(({ bridge }) => !added.has(bridge));
      this.hold([...others, ...networks], filtersFrames || this.#holdsFrames);
    } catch (error) {
      if (!(error instanceof TsnetError)) throw error;
    }
  }

  /**
   * To be called after a flush: forbids at once what these networks forbid, until `removeStopgap`. Without effect while
   * there is a guard.
   */
  addStopgap(networks: readonly NetworkRules[]): void {
    if (this.#held !== undefined || networks.length === 0) return;
    this.#stopgap = 'there';
    const elements = networks.flatMap(elementsOf);
    this.#nft.replaceTable(stopgapTable, {
      comment: stopgapComment,
      sets: Object.values(sets),
      chains,
      elements,
    });
  }

  /** Ends what `addStopgap` began, here or in a process that was killed. */
  removeStopgap(): void {
    if (this.#stopgap === 'none') return;
    try {
      this.#nft.deleteTable(stopgapTable);
    } catch (error) {
      // Where there are no nftables there is none either.
      const isAbsent =
        error instanceof TsnetError && (error.errno === 'ENOENT' || this.#stopgap === 'unknown');
      if (!isAbsent) throw error;
    }
    this.#stopgap = 'none';
  }

  /** Whether the table is there, whichever process made it; one that others made under its name does not count. */
  async exists(): Promise<boolean> {
    return (await this.#nft.readTableComment(table)) === comment;
  }

  /** Takes the tables away. */
  release(): void {
    this.#networks = undefined;
    this.removeStopgap();
    this.#delete();
    this.#holdFrames(false);
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
    // After a failure there is no table, and the next `hold` makes it again.
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
