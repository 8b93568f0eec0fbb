import {
  availableFamilies,
  changeTables,
  readTables,
  type IptablesFlavour,
} from '../../kernel/iptables/iptables.ts';
import type { SavedTables } from '../../kernel/iptables/parse-save.ts';
import type { Nft } from '../../kernel/nft/index.ts';
import { toTsnetError, withSuppressed } from '../../model/errors.ts';
import type { IpFamily } from '../../model/ip.ts';
import { formatResource, keyOf, type NetworkRules } from '../../model/resource.ts';
import type { FirewallChange, FirewallPlace, FirewallRules, RoutedResource } from '../firewall.ts';
import { withFirewallLock } from '../firewall-lock.ts';
import { ForwardAcceptance } from '../forward-acceptance.ts';
import { nextResources } from '../next-resources.ts';
import { converge, describeChange } from './converge.ts';
import { digestOf } from './digest.ts';
import { observedResources } from './observed.ts';
import { emptyTables, wantedTables } from './rules.ts';

type Saved = ReadonlyMap<IpFamily, SavedTables>;

/**
 * The firewall in one flavour of iptables, for hosts whose policy lives there. Every change reads all rules and replaces
 * those of our chains that differ, so its cost grows with the number of ports.
 */
export class IptablesFirewall implements FirewallRules<RoutedResource> {
  readonly backend: 'iptables-nft' | 'iptables-legacy';
  readonly #flavour: IptablesFlavour;
  readonly #netns: string | undefined;
  readonly #nft: Nft;
  readonly #acceptance: ForwardAcceptance;
  readonly #lockDirectory: string;

  /** @param nft of the same namespace; closed with the firewall */
  constructor(flavour: IptablesFlavour, { netns, lockDirectory }: FirewallPlace, nft: Nft) {
    this.backend = `iptables-${flavour}`;
    this.#flavour = flavour;
    this.#netns = netns;
    this.#nft = nft;
    this.#lockDirectory = lockDirectory;
    this.#acceptance = new ForwardAcceptance(nft, netns, flavour);
  }

  [Symbol.dispose](): void {
    this.#nft[Symbol.dispose]();
  }

  async prepare(): Promise<readonly string[]> {
    const resources = await this.#change((present) => present);
    return await this.#acceptance.ensure(bridgesOf(resources));
  }

  async apply(change: FirewallChange<RoutedResource>): Promise<void> {
    const resources = await this.#change((present) => [...nextResources(change, present).values()]);
    const changed = [...change.remove, ...change.add];
    if (changed.some(({ kind }) => kind === 'network-rules')) {
      await this.#acceptance.ensure(bridgesOf(resources));
    }
  }

  async findDamage(): Promise<readonly string[]> {
    const saved = await this.#read();
    const present = observedResources(saved);
    const own = [...saved].flatMap(([family, tables]) =>
      wantedTables(present, family).flatMap((table) => {
        const change = converge(tables, table);
        return change === undefined ? [] : describeChange(this.#flavour, family, change);
      }),
    );
    return [...own, ...(await this.#acceptance.findDamage(bridgesOf(present)))];
  }

  async readRevision(): Promise<string> {
    const own = this.#flavour === 'legacy' ? [...(await this.#read()).values()].map(digestOf) : [];
    return [this.countForeignChanges(), ...own, await this.#acceptance.readLegacyDigest()].join(' ');
  }

  countForeignChanges(): number {
    return this.#nft.readGenerationNow() - this.#nft.ownChanges;
  }

  async restoreDrops(networks: readonly NetworkRules[]): Promise<readonly string[]> {
    if (networks.length === 0 || (await this.#holdsDrops(networks))) return [];
    let absent: readonly NetworkRules[] = [];
    await this.#change((present) => {
      const known = new Set(present.map(keyOf));
      absent = networks.filter((network) => !known.has(keyOf(network)));
      return [...present, ...absent];
    });
    return absent.map(formatResource);
  }

  /**
   * Whether what forbids is as long as it should be: iptables of the nft flavour is asked by its tables, 0.1 ms instead of
   * the 20 ms of its processes. Rules of others may hide a loss here; a thorough look finds it.
   */
  async #holdsDrops(networks: readonly NetworkRules[]): Promise<boolean> {
    if (this.#flavour === 'legacy') return false;
    const counts = availableFamilies().flatMap((family) =>
      wantedTables(networks, family)
        .filter(({ table }) => table === 'mangle' || table === 'raw')
        .map(async ({ table: name, chains, jumps }) => {
          const wanted = [...chains.values()].reduce((sum, rules) => sum + rules.length, jumps.length);
          return (await this.#nft.countRules({ family: family === 4 ? 'ip' : 'ip6', name })) >= wanted;
        }),
    );
    return (await Promise.all(counts)).every(Boolean);
  }

  subscribe(onChange: () => void, delayMs?: number): Disposable {
    return this.#nft.subscribe(onChange, delayMs);
  }

  async observe(wanted: readonly RoutedResource[]): Promise<RoutedResource[]> {
    const keys = new Set(wanted.map(keyOf));
    return (await this.observeAll()).filter((resource) => keys.has(keyOf(resource)));
  }

  async observeAll(): Promise<RoutedResource[]> {
    return observedResources(await this.#read());
  }

  async remove(): Promise<void> {
    await withFirewallLock(this.#lockDirectory, async () => {
      const saved = await this.#read();
      for (const [family, tables] of saved) await this.#converge(family, tables, emptyTables(family));
    });
    await this.#acceptance.remove();
  }

  /** Brings all tables to what `next` gives. A table is changed at once, several are not: a failure takes back. */
  async #change(
    next: (present: readonly RoutedResource[]) => readonly RoutedResource[],
  ): Promise<readonly RoutedResource[]> {
    return await withFirewallLock(this.#lockDirectory, async () => {
      const saved = await this.#read();
      const present = observedResources(saved);
      const resources = next(present);
      try {
        await this.#write(saved, resources);
      } catch (error) {
        try {
          await this.#write(await this.#read(), present);
        } catch (suppressed) {
          throw withSuppressed(toTsnetError(error), [suppressed]);
        }
        throw error;
      }
      return resources;
    });
  }

  async #read(): Promise<Saved> {
    return new Map(
      await Promise.all(
        availableFamilies().map(
          async (family) => [family, await readTables(this.#flavour, family, this.#place)] as const,
        ),
      ),
    );
  }

  async #write(saved: Saved, resources: readonly RoutedResource[]): Promise<void> {
    for (const [family, tables] of saved)
      await this.#converge(family, tables, wantedTables(resources, family));
  }

  async #converge(
    family: IpFamily,
    tables: SavedTables,
    wanted: ReturnType<typeof wantedTables>,
  ): Promise<void> {
    const changes = wanted.flatMap((table) => converge(tables, table) ?? []);
    await changeTables(this.#flavour, family, changes, this.#place);
  }

  get #place(): { readonly netns?: string } {
    return this.#netns === undefined ? {} : { netns: this.#netns };
  }
}

function bridgesOf(resources: readonly RoutedResource[]) {
  return resources.flatMap((resource) => (resource.kind === 'network-rules' ? [resource.bridge] : []));
}
