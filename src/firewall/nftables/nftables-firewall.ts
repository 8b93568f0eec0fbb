import { identityOf, type Nft, type TableName } from '../../kernel/nft/index.ts';
import { TsnetError } from '../../model/errors.ts';
import { formatResource, keyOf, type NetworkRules } from '../../model/resource.ts';
import type { FirewallChange, FirewallPlace, FirewallRules, RoutedResource } from '../firewall.ts';
import { withFirewallLock } from '../firewall-lock.ts';
import { ForwardAcceptance, needsOwnRules } from '../forward-acceptance.ts';
import {
  bridgeOf,
  elementsOf,
  isOfNetwork,
  keyOfPort,
  possibleKeysOf,
  resourcesOf,
  type Element,
} from './elements.ts';
import { dropSets, networkSets, portSets, sets } from './sets.ts';
import { formatTable, numberOfRules, table as name, tableComment } from './structure.ts';
import { transitionFor } from './transition.ts';

const table: TableName = { family: 'inet', name };

/** How often a change is begun again because somebody else changed the rule set meanwhile. */
const attempts = 20;

/** The firewall in nftables: a static table whose sets and maps hold the networks and the ports. */
export class NftablesFirewall implements FirewallRules<RoutedResource> {
  readonly backend = 'nftables';
  readonly #nft: Nft;
  readonly #acceptance: ForwardAcceptance;

  readonly #lockDirectory: string;
  /** The revision at which everything that `prepare` makes was found whole: a look then needs no process. */
  #wholeAt: string | undefined;

  /** @param nft of the same namespace; closed with the firewall */
  constructor({ netns, lockDirectory }: FirewallPlace, nft: Nft) {
    this.#nft = nft;
    this.#acceptance = new ForwardAcceptance(nft, netns);
    this.#lockDirectory = lockDirectory;
  }

  [Symbol.dispose](): void {
    this.#nft[Symbol.dispose]();
  }

  async prepare(): Promise<readonly string[]> {
    return await withFirewallLock(this.#lockDirectory, async () => {
      const revision = await this.#readRevision();
      if (revision === this.#wholeAt && (await this.#isCurrent())) return [];
      await this.#prepareTable();
      const notes = await this.#acceptBridges();
      // Whole only if nobody, ourselves included, changed a rule meanwhile; otherwise the next call looks again.
      this.#wholeAt = notes.length === 0 && (await this.#readRevision()) === revision ? revision : undefined;
      return notes;
    });
  }

  async apply(change: FirewallChange<RoutedResource>): Promise<void> {
    await withFirewallLock(this.#lockDirectory, async () => {
      await this.#change(change);
      // A network that comes or goes may change what must be accepted; a port never does.
      const needsRules = [...change.remove, ...change.add].some(
        (resource) => resource.kind === 'network-rules' && needsOwnRules(resource.bridge),
      );
      if (needsRules) await this.#acceptBridges();
    });
  }

  async findDamage(): Promise<readonly string[]> {
    const bridges = await this.#nft.listElements(table, sets.bridges);
    const acceptance = await this.#acceptance.findDamage(bridges.map(bridgeOf));
    return (await this.#isCurrent()) ? acceptance : [`nft table inet ${name}`, ...acceptance];
  }

  async readRevision(): Promise<string> {
    // Under the lock no batch of ours is between being carried out and being counted.
    return await withFirewallLock(this.#lockDirectory, async () => await this.#readRevision());
  }

  countForeignChanges(): number {
    return this.#nft.readGenerationNow() - this.#nft.ownChanges;
  }

  async restoreDrops(networks: readonly NetworkRules[]): Promise<readonly string[]> {
    if (networks.length === 0) return [];
    const isCurrent = await this.#isCurrent();
    if (isCurrent && (await this.#withoutDrops(networks)).length === 0) return [];
    return await withFirewallLock(this.#lockDirectory, async () => {
      // Another process may have done it meanwhile.
      const isStill = await this.#isCurrent();
      const absent = await this.#withoutDrops(networks);
      if (isStill) await this.#change({ remove: [], add: absent });
      else await this.#makeTable(absent);
      return [...(isStill ? [] : [`nft table inet ${name}`]), ...(isStill ? absent.map(formatResource) : [])];
    });
  }

  /** Those of the networks that lack an element of the sets that packets are dropped by. */
  async #withoutDrops(networks: readonly NetworkRules[]): Promise<readonly NetworkRules[]> {
    const present = new Set((await this.#list(dropSets)).map(identityOf));
    return networks.filter((network) =>
      elementsOf(network).some(
        (element) => dropSets.includes(element.set) && !present.has(identityOf(element)),
      ),
    );
  }

  subscribe(onChange: () => void, delayMs?: number): Disposable {
    return this.#nft.subscribe(onChange, delayMs);
  }

  async observe(wanted: readonly RoutedResource[]): Promise<RoutedResource[]> {
    const keys = new Set(wanted.map(keyOf));
    // Asked by key and not listed: a look costs the same, however many networks there are.
    const elements = wanted.flatMap((resource) =>
      resource.kind === 'network-rules' ? possibleKeysOf(resource) : [keyOfPort(resource)],
    );
    const present = resourcesOf(await this.#nft.readElements(table, elements));
    return present.filter((resource) => keys.has(keyOf(resource)));
  }

  async observeAll(): Promise<RoutedResource[]> {
    return resourcesOf(await this.#listAll());
  }

  async remove(): Promise<void> {
    await withFirewallLock(this.#lockDirectory, async () => {
      await this.#nft.load(`add table inet ${name}\ndelete table inet ${name}\n`);
      await this.#acceptance.remove();
    });
  }

  async #readRevision(): Promise<string> {
    const byOthers = (await this.#nft.readGeneration()) - this.#nft.ownChanges;
    return `${byOthers} ${await this.#acceptance.readLegacyDigest()}`;
  }

  /** Read, decide, write; and again when somebody changed the rule set in between. */
  async #change(change: FirewallChange<RoutedResource>): Promise<void> {
    const resources = [...change.remove, ...change.add];
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const { generation, elements } = await this.#presentFor(resources);
      const transition = transitionFor(change, elements);
      if (transition.remove.length + transition.add.length === 0) return;
      try {
        if ((await this.#nft.changeElements(table, transition, generation)) === 'done') return;
      } catch (error) {
        if (!(error instanceof TsnetError && error.errno === 'ENOENT')) throw error;
        throw new TsnetError('drift', `change nft table inet ${name}: somebody removed it or a part of it`, {
          hint: 'tsnet makes it again, with everything that is recorded',
          cause: error,
        });
      }
    }
    throw new TsnetError(
      'try-again',
      `change nft table inet ${name}: others changed the rule set during each of ${attempts} attempts`,
      { hint: 'see who does with: nft monitor' },
    );
  }

  async #prepareTable(): Promise<void> {
    if (!(await this.#isCurrent())) await this.#makeTable([]);
  }

  /** Makes the table in place of one that may be there, with what that holds and some networks. */
  async #makeTable(networks: readonly NetworkRules[]): Promise<void> {
    const kept = new Map(resourcesOf(await this.#listAll()).map((resource) => [keyOf(resource), resource]));
    for (const network of networks) kept.set(keyOf(network), network);
    await this.#nft.load(formatTable([...kept.values()].flatMap(elementsOf)));
  }

  async #isCurrent(): Promise<boolean> {
    const [comment, rules] = await Promise.all([
      this.#nft.readTableComment(table),
      this.#nft.countRules(table),
    ]);
    return comment === tableComment && rules === numberOfRules;
  }

  /**
   * The elements that resources with those keys consist of, asked by key, so that the first network costs what the
   * thousandth does. Where a network's bridge has elements already they are listed: some may have other keys than are
   * known of it.
   */
  async #presentFor(
    resources: readonly RoutedResource[],
  ): Promise<{ readonly generation: number; readonly elements: readonly Element[] }> {
    const keys = resources.flatMap((resource) =>
      resource.kind === 'network-rules' ? possibleKeysOf(resource) : [keyOfPort(resource)],
    );
    const found = await this.#nft.readElementsOfGeneration(table, keys);
    if (!found.elements.some(isOfNetwork)) return found;
    const ports = found.elements.filter((element) => !isOfNetwork(element));
    return { generation: found.generation, elements: [...(await this.#list(networkSets)), ...ports] };
  }

  async #listAll(): Promise<Element[]> {
    return await this.#list([...networkSets, ...portSets]);
  }

  async #list(schemas: typeof networkSets): Promise<Element[]> {
    const lists = await Promise.all(schemas.map(async (set) => await this.#nft.listElements(table, set)));
    return lists.flat();
  }

  async #acceptBridges(): Promise<readonly string[]> {
    const bridges = await this.#nft.listElements(table, sets.bridges);
    return await this.#acceptance.ensure(bridges.map(bridgeOf));
  }
}
