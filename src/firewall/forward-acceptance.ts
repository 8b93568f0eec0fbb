import {
  availableFamilies,
  changeTables,
  readDefaultFlavour,
  readTables,
  type IptablesFlavour,
} from '../kernel/iptables/iptables.ts';
import { readLegacyTables } from '../kernel/iptables/legacy-tables.ts';
import {
  interfacesNamed,
  type ChainName,
  type InterfacePattern,
  type Rule,
} from '../kernel/iptables/rule.ts';
import type { Nft } from '../kernel/nft/index.ts';
import { TsnetError } from '../model/errors.ts';
import type { IpFamily } from '../model/ip.ts';
import { parseIfName, type IfName } from '../model/names.ts';
import { converge, describeChange, type Jump, type WantedTable } from './iptables/converge.ts';
import { digestOf } from './iptables/digest.ts';

/** The chain in table `filter` that forwarded packets of ours pass. */
export const forwardChain: ChainName = 'TSNET-FORWARD';

/** How it is reached. */
export const forwardJump: Jump = {
  from: 'FORWARD',
  rule: { target: { jump: forwardChain } },
  place: 'early',
};

const bridgePrefix = parseIfName('tsb-');
const dockerBridges: readonly InterfacePattern[] = [
  parseIfName('docker0'),
  interfacesNamed(parseIfName('br-')),
];

/**
 * Rules that accept what our networks forward and leave everything else to the rules that follow: into networks of
 * Docker only answers, for Docker to decide on the rest. Bridges with names of our own need no rule each.
 */
export function acceptanceRules(bridges: readonly IfName[]): Rule[] {
  const ours = [interfacesNamed(bridgePrefix), ...bridges.filter(needsOwnRules).sort()];
  return [
    ...ours.map((bridge): Rule => ({ outInterface: bridge, target: 'ACCEPT' })),
    ...ours.map((bridge): Rule => ({ inInterface: bridge, connection: 'known', target: 'ACCEPT' })),
    ...dockerBridges.map((bridge): Rule => ({ outInterface: bridge, target: 'RETURN' })),
    ...ours.map((bridge): Rule => ({ inInterface: bridge, target: 'ACCEPT' })),
  ];
}

/** Whether a bridge has a name that the rules for ours don't cover. */
export function needsOwnRules(bridge: IfName): boolean {
  return !bridge.startsWith(bridgePrefix);
}

/**
 * Lets what our networks forward pass the tables of iptables, where other software (Docker Engine does) has made DROP
 * the policy of FORWARD. Accepting there is safe: every filter on the way is asked, and ours has dropped before what is
 * not allowed.
 */
export class ForwardAcceptance {
  readonly #nft: Nft;
  readonly #place: { readonly netns?: string };
  readonly #except: IptablesFlavour | undefined;

  /** @param except a flavour that its caller looks after */
  constructor(nft: Nft, netns?: string, except?: IptablesFlavour) {
    this.#nft = nft;
    this.#place = netns === undefined ? {} : { netns };
    this.#except = except;
  }

  /** Makes or repairs the rules in every flavour in use. @returns what could not be done, one line each */
  async ensure(bridges: readonly IfName[]): Promise<readonly string[]> {
    return await this.#converge(acceptanceTable(bridges));
  }

  /** What `ensure` would make or repair, one line each; what can't be read can't be repaired either. */
  async findDamage(bridges: readonly IfName[]): Promise<readonly string[]> {
    const wanted = acceptanceTable(bridges);
    const found = await Promise.all(
      ((await this.#places()) ?? []).map(async ({ flavour, family }) => {
        const saved = await readTables(flavour, family, { table: wanted.table, ...this.#place }).catch(
          ignoreObstacle,
        );
        const change = saved === undefined ? undefined : converge(saved, wanted);
        return change === undefined ? [] : describeChange(flavour, family, change);
      }),
    );
    return found.flat();
  }

  /** Stands for the rules of the legacy flavour, of which no event tells; empty where it is not in use. */
  async readLegacyDigest(): Promise<string> {
    if (this.#except === 'legacy') return '';
    const families = availableFamilies().filter((family) => this.#hasLegacyFilter(family));
    const saved = await Promise.all(
      families.map((family) =>
        readTables('legacy', family, { table: 'filter', ...this.#place }).catch(ignoreObstacle),
      ),
    );
    return saved.map((tables) => (tables === undefined ? '' : digestOf(tables))).join(' ');
  }

  /** Takes the rules away. */
  async remove(): Promise<void> {
    await this.#converge({ table: 'filter', chains: new Map(), jumps: [] });
    for (const family of availableFamilies()) await this.#removeEmptyTable(family);
  }

  /** Making our chain made the table, where no other program had one. Its FORWARD chain lets everything pass. */
  async #removeEmptyTable(family: IpFamily): Promise<void> {
    const table = { family: family === 4 ? 'ip' : 'ip6', name: 'filter' } as const;
    if (this.#except === 'nft' || !(await this.#nft.hasChain(table, 'FORWARD'))) return;
    const saved = await readTables('nft', family, { table: 'filter', ...this.#place });
    const policy = saved.get('filter')?.get('FORWARD')?.policy;
    if (policy === 'ACCEPT') await this.#nft.deleteIfEmpty(table, 'FORWARD');
  }

  async #converge(wanted: WantedTable): Promise<readonly string[]> {
    const places = await this.#places();
    if (places === undefined) {
      return [
        'iptables is not installed: if a DROP policy of its FORWARD chain is in force, it is not lifted for us',
      ];
    }
    const notes = await Promise.all(
      places.map(async ({ flavour, family }) => await this.#convergeOne(flavour, family, wanted)),
    );
    return notes.flat();
  }

  /** Where rules are needed: what plain `iptables` is, and the other flavour where it is in use. */
  async #places(): Promise<readonly Place[] | undefined> {
    const standard = await readDefaultFlavour();
    if (standard === undefined) return undefined;
    const flavours = (['nft', 'legacy'] as const).filter((flavour) => flavour !== this.#except);
    const places = await Promise.all(
      flavours.flatMap((flavour) =>
        availableFamilies().map(async (family) =>
          flavour === standard || (await this.#isInUse(flavour, family)) ? [{ flavour, family }] : [],
        ),
      ),
    );
    return places.flat();
  }

  async #convergeOne(flavour: IptablesFlavour, family: IpFamily, wanted: WantedTable): Promise<string[]> {
    try {
      const saved = await readTables(flavour, family, { table: wanted.table, ...this.#place });
      const change = converge(saved, wanted);
      if (change !== undefined) await changeTables(flavour, family, [change], this.#place);
      return [];
    } catch (error) {
      // A table that nft(8) has changed beyond what iptables understands, or a program of one flavour that is missing:
      // what needs no acceptance works all the same.
      if (!isObstacle(error)) throw error;
      return [`forwarded IPv${family} traffic is not accepted in iptables-${flavour}: ${error.message}`];
    }
  }

  async #isInUse(flavour: IptablesFlavour, family: IpFamily): Promise<boolean> {
    if (flavour === 'nft') {
      return await this.#nft.hasChain({ family: family === 4 ? 'ip' : 'ip6', name: 'filter' }, 'FORWARD');
    }
    return this.#hasLegacyFilter(family);
  }

  #hasLegacyFilter(family: IpFamily): boolean {
    return readLegacyTables(family, this.#place.netns).includes('filter');
  }
}

/** One of the tables that iptables has for each flavour and family. */
interface Place {
  readonly flavour: IptablesFlavour;
  readonly family: IpFamily;
}

function acceptanceTable(bridges: readonly IfName[]): WantedTable {
  return {
    table: 'filter',
    chains: new Map([[forwardChain, acceptanceRules(bridges)]]),
    jumps: [forwardJump],
  };
}

function isObstacle(error: unknown): error is TsnetError {
  return error instanceof TsnetError && (error.kind === 'kernel' || error.kind === 'unsupported');
}

function ignoreObstacle(error: unknown): undefined {
  if (!isObstacle(error)) throw error;
}
