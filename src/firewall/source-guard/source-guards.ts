import { identityOf, type Nft, type TableName } from '../../kernel/nft/index.ts';
import { TsnetError } from '../../model/errors.ts';
import { formatResource, keyOf } from '../../model/resource.ts';
import type { BridgedResource, FirewallChange } from '../firewall.ts';
import { withFirewallLock } from '../firewall-lock.ts';
import { elementsOf, frameFiltersOf, guardsOf, type Element } from './elements.ts';
import { formatTable, guardSets, numberOfRules, table as name, tableComment } from './structure.ts';

const table: TableName = { family: 'bridge', name };

/**
 * Keeps containers from sending in the name of others, at the port of the bridge that they are behind, and what is no IP
 * from passing between ports: there is no other place that frames between two containers pass. Needs nftables, whatever
 * the firewall is made of.
 */
export class SourceGuards {
  readonly #nft: Nft;
  readonly #lockDirectory: string;

  /** @param nft whose owner closes it */
  constructor(nft: Nft, lockDirectory: string) {
    this.#nft = nft;
    this.#lockDirectory = lockDirectory;
  }

  /** Makes the table where it is absent or not current; what it holds is kept. @throws unsupported */
  async prepare(): Promise<void> {
    await withFirewallLock(this.#lockDirectory, async () => {
      if (!(await this.isCurrent())) await this.#makeTable([]);
    });
  }

  /** Puts back those that are absent, and the table with them; what is there is kept. @returns what was put back, in lines */
  async restore(wanted: readonly BridgedResource[]): Promise<readonly string[]> {
    if (wanted.length === 0) return [];
    if ((await this.isCurrent()) && (await this.#without(wanted)).length === 0) return [];
    return await withFirewallLock(this.#lockDirectory, async () => {
      // Another process may have done it meanwhile.
      const isStill = await this.isCurrent();
      const absent = await this.#without(wanted);
      if (!isStill) await this.#makeTable(absent);
      else if (absent.length > 0)
        await this.#nft.changeElements(table, { remove: [], add: absent.flatMap(elementsOf) });
      return isStill ? absent.map(formatResource) : [`nft table bridge ${name}`];
    });
  }

  /** Those of which not even a part is there: what is there in another form is left to who looks thoroughly. */
  async #without(wanted: readonly BridgedResource[]): Promise<readonly BridgedResource[]> {
    const present = new Set((await this.#listAll()).map(identityOf));
    return wanted.filter((one) => elementsOf(one).every((element) => !present.has(identityOf(element))));
  }

  /** Makes the table in place of one that may be there, with what that holds and some more. */
  async #makeTable(more: readonly BridgedResource[]): Promise<void> {
    const held = resourcesOf(await this.#listAll());
    await this.#nft.load(formatTable([...held, ...more].flatMap(elementsOf))).catch((cause: unknown) => {
      if (!(cause instanceof TsnetError) || (cause.kind !== 'unsupported' && cause.kind !== 'kernel'))
        throw cause;
      throw new TsnetError('unsupported', `guard the ports of a bridge: ${cause.message}`, {
        hint: 'antispoof, and icc=false with br_netfilter, need nft(8) and nftables for bridges, whatever --firewall is',
        cause,
      });
    });
  }

  /** Whether there is a table, of whatever version. */
  async isThere(): Promise<boolean> {
    return (await this.#nft.readTableComment(table)) !== undefined;
  }

  /** Whether the table is there as this version makes it. */
  async isCurrent(): Promise<boolean> {
    const [comment, rules] = await Promise.all([
      this.#nft.readTableComment(table),
      this.#nft.countRules(table),
    ]);
    return comment === tableComment && rules === numberOfRules;
  }

  /**
   * Carries out a change, all of it or nothing. A guard replaces one of the same owner; to remove what is absent or
   * another's changes nothing.
   *
   * @throws conflict when a port or bridge is guarded for another owner; drift when somebody removed the table
   */
  async apply({ remove, add }: FirewallChange<BridgedResource>): Promise<void> {
    if (remove.length + add.length === 0) return;
    await withFirewallLock(this.#lockDirectory, async () => {
      const present = await this.#nft.readElements(table, [...remove, ...add].flatMap(elementsOf));
      const next = new Map(resourcesOf(present).map((resource) => [keyOf(resource), resource]));
      for (const one of remove) if (next.get(keyOf(one))?.owner === one.owner) next.delete(keyOf(one));
      for (const one of add) {
        const held = next.get(keyOf(one));
        if (held !== undefined && held.owner !== one.owner) throw conflict(one, held);
        next.set(keyOf(one), one);
      }
      const before = byIdentity(present);
      const after = byIdentity([...next.values()].flatMap(elementsOf));
      const change = {
        remove: [...before].flatMap(([identity, element]) => (after.has(identity) ? [] : [element])),
        add: [...after].flatMap(([identity, element]) => (before.has(identity) ? [] : [element])),
      };
      await this.#nft.changeElements(table, change).catch((cause: unknown) => {
        if (!(cause instanceof TsnetError) || cause.errno !== 'ENOENT') throw cause;
        throw new TsnetError(
          'drift',
          `change nft table bridge ${name}: somebody removed it or a part of it`,
          {
            hint: 'tsnet makes it again, with everything that is recorded',
            cause,
          },
        );
      });
    });
  }

  /** Those of the wanted that exist, as far as the wanted tell what to ask for. */
  async observe(wanted: readonly BridgedResource[]): Promise<BridgedResource[]> {
    if (wanted.length === 0) return [];
    return resourcesOf(await this.#nft.readElements(table, wanted.flatMap(elementsOf)));
  }

  /** Every guard and filter. */
  async observeAll(): Promise<BridgedResource[]> {
    return resourcesOf(await this.#listAll());
  }

  /** Takes the table away with everything in it, where it is. */
  async remove(): Promise<void> {
    await withFirewallLock(this.#lockDirectory, async () => {
      if (!(await this.isThere())) return;
      await this.#nft.load(`delete table bridge ${name}\n`);
    });
  }

  async #listAll(): Promise<Element[]> {
    const schemas = Object.values(guardSets);
    const lists = await Promise.all(schemas.map(async (set) => await this.#nft.listElements(table, set)));
    return lists.flat();
  }
}

function resourcesOf(elements: readonly Element[]): BridgedResource[] {
  return [...guardsOf(elements), ...frameFiltersOf(elements)];
}

function byIdentity(elements: readonly Element[]): ReadonlyMap<string, Element> {
  return new Map(elements.map((element) => [identityOf(element), element]));
}

function conflict(wanted: BridgedResource, held: BridgedResource): TsnetError {
  return new TsnetError(
    'conflict',
    `add ${formatResource(wanted)}: ${held.owner} has ${formatResource(held)}`,
    {
      subject: wanted.kind === 'source-guard' ? `port ${wanted.link}` : `bridge ${wanted.bridge}`,
    },
  );
}
