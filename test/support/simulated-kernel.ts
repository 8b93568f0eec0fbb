import type { Firewall, FirewallChange, FirewallResource } from '../../src/firewall/index.ts';
import type { Link, NewBridge, NewRoute, NewVeth, Rtnetlink } from '../../src/kernel/netlink/index.ts';
import { keyOf, subnetOf, TsnetError, type Address, type IfName } from '../../src/model/index.ts';
import type { Kernel } from '../../src/observe/index.ts';

interface SimulatedLink extends Link {
  readonly name: IfName;
  readonly addresses: readonly Address[];
  readonly routes: readonly Omit<NewRoute, 'link'>[];
  /** Path of the namespace that it is in; absent: the host's. */
  readonly netns?: string;
}

/**
 * What tsnet makes in a kernel, held in memory: links with addresses, and the rules of a firewall as resources. It refuses
 * what the kernel refuses and forgets what goes with a link; packets there are none.
 *
 * It knows what is asked of it for bridges and veth pairs; anything else fails as a missing function. The kernel lane runs
 * the same schedules against Linux.
 */
export class SimulatedKernel {
  readonly #netns: string;
  readonly #sysctls = new Map<string, string>();
  #links = new Map<number, SimulatedLink>();
  #rules = new Map<string, FirewallResource>();
  #hasStructure = false;
  #lastIndex = 1;

  /** @param netns a file that stands for the host's namespace */
  constructor(netns: string) {
    this.#netns = netns;
  }

  /** As tsnet sees it. */
  get kernel(): Kernel {
    return { netns: this.#netns, rtnetlink: this.rtnetlink(), firewall: this.#firewall() };
  }

  /** Somebody flushes all rules. */
  flushRules(): void {
    this.#rules.clear();
    this.#hasStructure = false;
  }

  /** Somebody deletes a link. */
  deleteLink(name: string): void {
    const link = this.#find(name);
    if (link !== undefined) this.#delete(link);
  }

  /** All is lost. */
  reboot(): void {
    this.flushRules();
    this.#links.clear();
    this.#sysctls.clear();
  }

  /** Everything that is there, one line each. */
  describe(): string[] {
    return [
      ...[...this.#links.values()].map(({ name }) => `link ${name}`),
      ...this.#rules.keys(),
      ...(this.#hasStructure ? ['structure'] : []),
    ];
  }

  readSysctl(path: string): string {
    const value = this.#sysctls.get(path);
    if (value !== undefined) return value;
    if (path.startsWith('bridge/') || !this.#hasSetting(path)) {
      throw new TsnetError('not-found', `read sysctl net/${path}: simulated`);
    }
    return '0';
  }

  writeSysctl(path: string, value: string): void {
    if (!this.#hasSetting(path)) throw new TsnetError('not-found', `write sysctl net/${path}: simulated`);
    this.#sysctls.set(path, value);
  }

  /** The links of a namespace: its path, or the host's. */
  rtnetlink(netns?: string): Rtnetlink {
    const here = () => [...this.#links.values()].filter((link) => link.netns === netns);
    const find = (reference: string | number) => {
      const link = here().find(({ name, index }) => name === reference || index === reference);
      if (link === undefined) throw new TsnetError('not-found', `link ${reference}: simulated`);
      return link;
    };
    const door = {
      listLinks: async () => here(),
      readLinks: async (names: readonly IfName[]) =>
        new Map(
          here()
            .filter(({ name }) => names.includes(name))
            .map((link) => [link.name as string, link]),
        ),
      // Each address of a link brings its own, and nobody deletes them here.
      listRoutes: async () =>
        here().flatMap(({ index, addresses }) =>
          addresses.map((address) => ({
            type: 'unicast',
            destination: subnetOf(address),
            nextHops: [{ linkIndex: index }],
          })),
        ),
      addRoute: async ({ destination }: NewRoute) => {
        throw new TsnetError('conflict', `add route ${destination}: simulated`, { errno: 'EEXIST' });
      },
      listAddresses: async ({ link }: { readonly link?: number | string } = {}) =>
        (link === undefined ? here() : [find(link)]).flatMap(({ index, addresses }) =>
          addresses.map((address) => ({ linkIndex: index, address })),
        ),
      // None: each setting is then read by its path.
      readLinkSettings: () => new Map(),
      createBridge: async (bridge: NewBridge) => this.#add({ ...bridge, kind: 'bridge' }),
      createVeth: async ({ peer, ...veth }: NewVeth) => this.#addPair(veth, peer),
      setLink: async (
        name: IfName,
        { up, alias, group, master, mac }: Partial<NewVeth> & { group?: number },
      ) => {
        this.#put({
          ...find(name),
          ...(up === undefined ? {} : { isUp: up }),
          ...(alias === undefined ? {} : { alias }),
          ...(group === undefined ? {} : { group }),
          ...(mac === undefined ? {} : { mac }),
          ...(master === undefined ? {} : { masterIndex: find(master).index }),
        });
      },
      setBridgePort: async (name: IfName) => void find(name),
      configureLink: async (name: IfName, { addresses, routes }: Configuration) => {
        const link = find(name);
        this.#put({
          ...link,
          isUp: true,
          addresses: [...new Set([...link.addresses, ...addresses.map(({ address }) => address)])],
          routes,
        });
      },
      deleteLinks: async (names: readonly IfName[]) => {
        for (const link of here()) if (names.includes(link.name)) this.#delete(link);
      },
      addAddress: async ({ link: name, address }: { readonly link: IfName; readonly address: Address }) => {
        const link = find(name);
        this.#put({ ...link, addresses: [...new Set([...link.addresses, address])] });
      },
      deleteAddress: async ({
        link: name,
        address,
      }: {
        readonly link: IfName;
        readonly address: Address;
      }) => {
        const link = here().find((one) => one.name === name);
        if (link === undefined) return false;
        this.#put({ ...link, addresses: link.addresses.filter((one) => one !== address) });
        return link.addresses.includes(address);
      },
      [Symbol.dispose]: () => undefined,
    };
    return door as unknown as Rtnetlink;
  }

  #firewall(): Firewall {
    const observeAll = async () => [...this.#rules.values()];
    return {
      backend: 'nftables',
      prepare: async () => {
        this.#hasStructure = true;
        return [];
      },
      apply: async (change: FirewallChange) => this.#change(change),
      findDamage: async () => (this.#hasStructure ? [] : ['the structure is absent']),
      readRevision: async () => '',
      holdGuard: () => undefined,
      releaseGuard: () => undefined,
      hasGuard: async () => false,
      addStopgap: () => undefined,
      removeStopgap: () => undefined,
      removeUnneeded: async () => undefined,
      countForeignChanges: () => 0,
      restoreDrops: async () => [],
      subscribe: () => ({ [Symbol.dispose]: () => undefined }),
      observe: async (wanted) => wanted.flatMap((one) => this.#rules.get(keyOf(one)) ?? []),
      observeAll,
      remove: async () => this.flushRules(),
      [Symbol.dispose]: () => undefined,
    };
  }

  #change({ remove, add }: FirewallChange): void {
    const rules = new Map(this.#rules);
    for (const one of remove) if (isSame(rules.get(keyOf(one)), one)) rules.delete(keyOf(one));
    for (const one of add) {
      const present = rules.get(keyOf(one));
      if (present !== undefined && present.owner !== one.owner) {
        throw new TsnetError('conflict', `${keyOf(one)} belongs to ${present.owner}: simulated`);
      }
      rules.set(keyOf(one), one);
    }
    this.#rules = rules;
    this.#hasStructure = true;
  }

  #add(
    link: Partial<Omit<NewVeth, 'peer'>> & {
      readonly name: IfName;
      readonly kind: string;
      readonly netns?: string;
    },
  ): SimulatedLink {
    const {
      name,
      kind,
      alias,
      mac,
      mtu = 1500,
      up = false,
      master,
      isolated = false,
      hairpin = false,
      netns,
    } = link;
    if (this.#find(name, netns) !== undefined) {
      throw new TsnetError('conflict', `create link ${name}: simulated`, { errno: 'EEXIST' });
    }
    const masterIndex = master === undefined ? undefined : this.#find(master)?.index;
    if (master !== undefined && masterIndex === undefined) {
      throw new TsnetError('not-found', `create link ${name}: no ${master}: simulated`);
    }
    this.#lastIndex += 1;
    const made = {
      index: this.#lastIndex,
      name,
      kind,
      flags: 0,
      isUp: up,
      isRunning: up,
      mtu,
      mac,
      alias,
      masterIndex,
      peerIndex: undefined,
      peerNsid: undefined,
      group: 0,
      operState: 'up',
      bridge: undefined,
      bridgePort: master === undefined ? undefined : { isolated, hairpin },
      addresses: [],
      routes: [],
      ...(netns === undefined ? {} : { netns }),
    } as unknown as SimulatedLink;
    this.#put(made);
    return made;
  }

  #addPair(veth: Omit<NewVeth, 'peer'>, peer: NewVeth['peer']): SimulatedLink {
    const host = this.#add({ ...veth, kind: 'veth' });
    try {
      const far = this.#add({ ...peer, kind: 'veth' });
      this.#put({ ...far, peerIndex: host.index });
      const made = { ...host, peerIndex: far.index };
      this.#put(made);
      return made;
    } catch (error) {
      this.#links.delete(host.index);
      throw error;
    }
  }

  #put(link: SimulatedLink): void {
    this.#links.set(link.index, link);
  }

  /** With the other end of a pair, and the settings below its name. */
  #delete({ index, peerIndex, name, netns }: SimulatedLink): void {
    this.#links.delete(index);
    if (peerIndex !== undefined) this.#links.delete(peerIndex);
    if (netns !== undefined) return;
    for (const path of this.#sysctls.keys()) if (path.split('/')[2] === name) this.#sysctls.delete(path);
  }

  #find(name: string, netns?: string): SimulatedLink | undefined {
    return [...this.#links.values()].find((link) => link.name === name && link.netns === netns);
  }

  #hasSetting(path: string): boolean {
    const [, conf, link = 'all'] = path.split('/');
    return conf !== 'conf' || ['all', 'default'].includes(link) || this.#find(link) !== undefined;
  }
}

interface Configuration {
  readonly addresses: readonly { readonly address: Address }[];
  readonly routes: readonly Omit<NewRoute, 'link'>[];
}

/** To remove a port that leads elsewhere changes nothing; rules of a network go whatever they are. */
function isSame(present: FirewallResource | undefined, removed: FirewallResource): boolean {
  if (present === undefined || present.owner !== removed.owner) return false;
  return present.kind === 'network-rules' || JSON.stringify(present) === JSON.stringify(removed);
}
