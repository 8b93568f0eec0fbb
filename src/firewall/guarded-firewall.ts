import { keyOf, type NetworkRules } from '../model/resource.ts';
import type {
  BridgedResource,
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
 * A firewall together with what guards bridges, which is the same for every back end. Its table is there as long as a
 * network is that wants it; such a network counts as intact only while it is. Beside it is the guard that a flush does
 * not remove.
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
    if (add.some(needsTable)) await this.#guards.prepare();
    await this.#guards.apply({ remove: remove.filter(isBridged), add: add.filter(isBridged) });
    // What the rules allow is never forbidden by the other guard: it gives way first and follows afterwards.
    this.#flushGuard.giveWay({ remove: remove.filter(isNetwork), add: add.filter(isNetwork) });
    await this.#routed.apply({ remove: remove.filter(isRouted), add: add.filter(isRouted) });
    this.#flushGuard.add(add.filter(isNetwork), add.some(isFrameFilter));
    const kept = new Set(add.filter(needsTable).map(keyOf));
    if (remove.some((resource) => needsTable(resource) && !kept.has(keyOf(resource)))) {
      await this.removeUnneeded();
    }
  }

  async removeUnneeded(): Promise<void> {
    if (!(await this.#guards.isThere())) return;
    const present = [...(await this.#routed.observeAll()), ...(await this.#guards.observeAll())];
    if (!present.some(needsTable)) await this.#guards.remove();
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

  async restoreDrops(resources: readonly FirewallResource[]): Promise<readonly string[]> {
    return [
      ...(await this.#routed.restoreDrops(resources.filter(isNetwork))),
      ...(await this.#guards.restore(resources.filter(isBridged))),
    ];
  }

  holdGuard(resources: readonly FirewallResource[]): void {
    this.#flushGuard.hold(resources.filter(isNetwork), resources.some(isFrameFilter));
  }

  async hasGuard(): Promise<boolean> {
    return await this.#flushGuard.exists();
  }

  addStopgap(resources: readonly FirewallResource[]): void {
    this.#flushGuard.addStopgap(resources.filter(isNetwork));
  }

  removeStopgap(): void {
    this.#flushGuard.removeStopgap();
  }

  releaseGuard(): void {
    this.#flushGuard.release();
  }

  subscribe(onChange: () => void, delayMs?: number): Disposable {
    return this.#routed.subscribe(onChange, delayMs);
  }

  async observe(wanted: readonly FirewallResource[]): Promise<FirewallResource[]> {
    const [routed, bridged] = await Promise.all([
      this.#routed.observe(wanted.filter(isRouted)),
      this.#guards.observe(wanted.filter(isBridged)),
    ]);
    return await this.#withoutLost([...routed, ...bridged]);
  }

  async observeAll(): Promise<FirewallResource[]> {
    const [routed, bridged] = await Promise.all([this.#routed.observeAll(), this.#guards.observeAll()]);
    return await this.#withoutLost([...routed, ...bridged]);
  }

  async remove(): Promise<void> {
    await this.#routed.remove();
    await this.#guards.remove();
    this.#flushGuard.release();
  }

  /** Neither what the back end notes of a network nor an element says that the rules of the guards' table are there. */
  async #withoutLost(resources: readonly FirewallResource[]): Promise<FirewallResource[]> {
    if (!resources.some(needsTable) || (await this.#guards.isCurrent())) return [...resources];
    return resources.flatMap((resource): FirewallResource[] => {
      if (resource.kind === 'frame-filter') return [];
      if (resource.kind !== 'network-rules') return [resource];
      const { antispoofs: _, ...rest } = resource;
      return [rest];
    });
  }
}

function isBridged(resource: FirewallResource): resource is BridgedResource {
  return resource.kind === 'source-guard' || resource.kind === 'frame-filter';
}

function isFrameFilter(resource: FirewallResource): boolean {
  return resource.kind === 'frame-filter';
}

function isRouted(resource: FirewallResource): resource is RoutedResource {
  return !isBridged(resource);
}

function isNetwork(resource: FirewallResource): resource is NetworkRules {
  return resource.kind === 'network-rules';
}

/** Whether the table of the guards must be there for it; that of a single port comes with its network. */
function needsTable(resource: FirewallResource): boolean {
  return isFrameFilter(resource) || (isNetwork(resource) && resource.antispoofs === true);
}
