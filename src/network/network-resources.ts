import type { FirewallResource } from '../firewall/index.ts';
import type { Network, Resource } from '../model/index.ts';
import { canFilterFrames } from '../observe/index.ts';
import { desired, desiredOfEndpoints } from '../plan/index.ts';
import type { Context } from './context.ts';

interface Decided {
  readonly filters: boolean;
  readonly resources: readonly Resource[];
}

/** A record that did not change stays the same object: what follows from it is decided once. */
const decided = new WeakMap<Network, Decided>();

/** The list as it was given last, to whom. */
const lists = new WeakMap<
  Context,
  { readonly parts: readonly (readonly Resource[])[]; all: readonly Resource[] }
>();

/**
 * What the kernel should hold for the networks that are recorded, without what is there for endpoints; the same list as
 * long as it is the same.
 */
export function readNetworkResources(context: Context): readonly Resource[] {
  const { state, kernel } = context;
  const networks = state.read((view) => view.networks());
  const filters = networks.some(({ allowsIcc }) => !allowsIcc) && canFilterFrames(kernel);
  const parts = networks.map((network) => resourcesOf(network, filters));
  const last = lists.get(context);
  if (last?.parts.length === parts.length && last.parts.every((part, index) => part === parts[index]))
    return last.all;
  const all = parts.flat();
  lists.set(context, { parts, all });
  return all;
}

/** What networks forbid, and what containers are kept from sending: all that must not wait for a thorough repair. */
export function readDrops(context: Context): readonly FirewallDrop[] {
  const guards = context.state.read((view) =>
    view
      .networks()
      .filter(({ antispoofs }) => antispoofs === true)
      .flatMap((network) => desiredOfEndpoints({ network, endpoints: view.endpoints(network.id) })),
  );
  return dropsAmong([...readNetworkResources(context), ...guards]);
}

type FirewallDrop = Exclude<FirewallResource, { readonly kind: 'published-port' | 'open-port' }>;

const kinds: ReadonlySet<string> = new Set<FirewallDrop['kind']>([
  'network-rules',
  'frame-filter',
  'source-guard',
]);

/** Those of the resources that forbid something. */
export function dropsAmong(resources: readonly Resource[]): readonly FirewallDrop[] {
  return resources.filter((resource): resource is FirewallDrop => kinds.has(resource.kind));
}

function resourcesOf(network: Network, filters: boolean): readonly Resource[] {
  const known = decided.get(network);
  if (known?.filters === filters) return known.resources;
  const resources = desired({ network, endpoints: [], canFilterFrames: filters });
  decided.set(network, { filters, resources });
  return resources;
}
