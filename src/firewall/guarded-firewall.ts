import { keyOf, type NetworkRules, type SourceGuard } from '../model/resource.ts';
import type {
  Firewall,
  FirewallBackend,
  FirewallChange,
  FirewallResource,
  FirewallRules,
  RoutedResource,
} from './firewall.ts';
import type { FlushGuard } from './flush-guard/flush-guard.ts';
import type { SourceGuards } from './source-guard/source-guards.ts';

/**
 * A firewall together with the guards of bridge ports, which are the same for every back end. Their table is there as
 * long as a network is that wants it; such a network counts as intact only while it is. Beside it is the guard that a
 * flush does not remove.
 */
export class GuardedFirewall implements Firewall {
  readonly backend: FirewallBackend;
  readonly #routed: FirewallRules<RoutedResource>;
  readonly #guards: SourceGuards;
  readonly #flushGuard: FlushGuard;

  constructor(routed: FirewallRules<RoutedResource>, guards: SourceGuards, flushGuard: FlushGuard) {
    this.backend = routed.backend;
    this.#routed = routed;
    this.#guards = guards;
    this.#flushGuard = flushGuard;
  }

  [Symbol.dispose](): void {
    this.#routed[Symbol.dispose]();
  }

  async prepare(): Promise<readonly string[]> {
    return await this.#routed.prepare();
  }

  async apply({ remove, add }: FirewallChange): Promise<void> {
    if (add.some(isGuardedNetwork)) await this.#guards.prepare();
    await this.#guards.apply({ remove: remove.filter(isGuard), add: add.filter(isGuard) });
    // What the rules allow is never forbidden by the other guard: it gives way first and follows afterwards.
    this.#flushGuard.giveWay({ remove: remove.filter(isNetwork), add: add.filter(isNetwork) });
    await this.#routed.apply({ remove: remove.filter(isRouted), add: add.filter(isRouted) });
    this.#flushGuard.add(add.filter(isNetwork));
    const kept = new Set(add.filter(isGuardedNetwork).map(keyOf));
    if (remove.some((resource) => isGuardedNetwork(resource) && !kept.has(keyOf(resource)))) {
      const others = await this.#routed.observeAll();
      if (!others.some(isGuardedNetwork)) await this.#guards.remove();
    }
  }

  async findDamage(): Promise<readonly string[]> {
    return await this.#routed.findDamage();
  }

  async readRevision(): Promise<string> {
    return await this.#routed.readRevision();
  }

  countForeignChanges(): number {
    return this.#routed.countForeignChanges();
  }

  async restoreDrops(networks: readonly NetworkRules[]): Promise<readonly string[]> {
    return await this.#routed.restoreDrops(networks);
  }

  holdGuard(networks: readonly NetworkRules[]): void {
    this.#flushGuard.hold(networks);
  }

  releaseGuard(): void {
    this.#flushGuard.release();
  }

  subscribe(onChange: () => void, delayMs?: number): Disposable {
    return this.#routed.subscribe(onChange, delayMs);
  }

  async observe(wanted: readonly FirewallResource[]): Promise<FirewallResource[]> {
    const [routed, guards] = await Promise.all([
      this.#routed.observe(wanted.filter(isRouted)),
      this.#guards.observe(wanted.filter(isGuard)),
    ]);
    return [...(await this.#withoutLostGuards(routed)), ...guards];
  }

  async observeAll(): Promise<FirewallResource[]> {
    const [routed, guards] = await Promise.all([this.#routed.observeAll(), this.#guards.observeAll()]);
    return [...(await this.#withoutLostGuards(routed)), ...guards];
  }

  async remove(): Promise<void> {
    await this.#routed.remove();
    await this.#guards.remove();
    this.#flushGuard.release();
  }

  /** What the back end notes of a network says nothing about the table of guards, which somebody may have flushed. */
  async #withoutLostGuards(resources: readonly RoutedResource[]): Promise<RoutedResource[]> {
    if (!resources.some(isGuardedNetwork) || (await this.#guards.isCurrent())) return [...resources];
    return resources.map((resource) => {
      if (!isGuardedNetwork(resource)) return resource;
      const { antispoofs: _, ...rest } = resource;
      return rest;
    });
  }
}

function isGuard(resource: FirewallResource): resource is SourceGuard {
  return resource.kind === 'source-guard';
}

function isRouted(resource: FirewallResource): resource is RoutedResource {
  return !isGuard(resource);
}

function isNetwork(resource: FirewallResource): resource is NetworkRules {
  return resource.kind === 'network-rules';
}

function isGuardedNetwork(resource: FirewallResource): resource is NetworkRules {
  return isNetwork(resource) && resource.antispoofs === true;
}
