import type { FrameFilter, NetworkRules, OpenPort, PublishedPort, SourceGuard } from '../model/resource.ts';

/** What a firewall holds. */
export type FirewallResource = RoutedResource | BridgedResource;

/** What concerns packets on their way through the host, as against frames in a bridge. */
export type RoutedResource = NetworkRules | PublishedPort | OpenPort;

/** What concerns frames in a bridge. */
export type BridgedResource = SourceGuard | FrameFilter;

/** What a firewall really is. */
export type FirewallBackend = 'nftables' | 'iptables-nft' | 'iptables-legacy';

/** Where a firewall is, and where those who change it meet. */
export interface FirewallPlace {
  /** Path of a network namespace; absent means the process's own. */
  readonly netns?: string;
  /** Holds the lock that keeps writers apart, such as `/run/tsnet`. */
  readonly lockDirectory: string;
}

/** A step from one set of resources to another. */
export interface FirewallChange<R extends FirewallResource = FirewallResource> {
  readonly remove: readonly R[];
  readonly add: readonly R[];
}

/**
 * Filter and translation of the traffic of networks, in the words of networks and ports.
 *
 * The kernel is the only memory: nothing is remembered between calls, and what is ours is found by its mark. A lock
 * keeps several processes apart that change one at the same time.
 */
export interface Firewall extends FirewallRules<FirewallResource> {
  /**
   * Keeps in force what the networks among these resources forbid, and no others, also while somebody flushes the rules: until the release,
   * or until this object is disposed of or the process ends. Costs nothing where nothing changed. Networks that `apply`
   * adds and removes are guarded and released with it.
   *
   * @throws kernel, unsupported or invalid-input where the kernel can't; conflict while another process does
   */
  holdGuard(resources: readonly FirewallResource[]): void;

  /** Whether the guard is there, whichever process holds it. */
  hasGuard(): Promise<boolean>;

  /** Ends what `holdGuard` and `addStopgap` began. */
  releaseGuard(): void;

  /**
   * Forbids on the spot what the networks among these resources forbid, until `removeStopgap`: the time that
   * `restoreDrops` takes. Without effect while there is a guard. @throws as `holdGuard`
   */
  addStopgap(resources: readonly FirewallResource[]): void;

  /** Ends what `addStopgap` began, here or in a process that was killed since. */
  removeStopgap(): void;

  /**
   * Takes away what no network needs: who was killed left it. A network that is being made meanwhile meets `drift`.
   */
  removeUnneeded(): Promise<void>;
}

/** Rules that are in the kernel as long as nobody takes them away. */
export interface FirewallRules<R extends FirewallResource> {
  readonly backend: FirewallBackend;

  /**
   * Makes the static structure where it is absent or not current; what it holds is kept. Also lets forwarded traffic
   * of our networks pass where other software made DROP the policy of iptables. May be repeated at any time.
   *
   * @returns what could not be done and is not needed everywhere, one line each, for the log
   * @throws unsupported, denied, kernel
   */
  prepare(): Promise<readonly string[]>;

  /**
   * Carries out a change, all of it or nothing. To remove what is absent, another's or a port that leads elsewhere is
   * success and changes nothing; so is to add what exists as stated. Network rules of the same owner are removed or
   * replaced whatever they are.
   *
   * The structure is made again where somebody flushed it, but not what others had in it.
   *
   * @throws conflict when another owner holds a bridge, or a host port leads elsewhere; try-again when the rule set does
   *   not come to rest or the lock stays held; invalid-input for an owner of more than 128 bytes
   */
  apply(change: FirewallChange<R>): Promise<void>;

  /**
   * What is absent, not current or out of place in what `prepare` makes, one line each; empty when it is whole. Nothing
   * is changed.
   */
  findDamage(): Promise<readonly string[]>;

  /**
   * Differs from what it was when others changed rules meanwhile; what this object changed may count or not. Cheap where
   * nothing changed, so it can be asked every second.
   */
  readRevision(): Promise<string>;

  /** Differs from what it was when others changed rules of nftables meanwhile, or perhaps we. On the spot: 0.02 ms. */
  countForeignChanges(): number;

  /**
   * Puts back what these resources forbid where it is absent, and the structure with it, but no ports, which are not
   * among them: as soon as possible after somebody took it away. What is there is kept.
   *
   * @returns what was put back, one line each
   */
  restoreDrops(resources: readonly Exclude<R, PublishedPort | OpenPort>[]): Promise<readonly string[]>;

  /**
   * Calls back when rules have changed, whoever did it. Not every kernel interface tells: see `readRevision`.
   *
   * @param delayMs how late a change may be told; default 0
   */
  subscribe(onChange: () => void, delayMs?: number): Disposable;

  /** Those of the wanted that exist, as they are: perhaps with other content under the same key. */
  observe(wanted: readonly R[]): Promise<R[]>;

  /** Everything that is ours. */
  observeAll(): Promise<R[]>;

  /** Takes away everything that is ours. */
  remove(): Promise<void>;

  /** Closes what is open towards the kernel; nothing in the kernel changes. */
  [Symbol.dispose](): void;
}
