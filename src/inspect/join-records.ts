import type { NetnsId } from '../observe/host/snapshot.ts';
import { containersOf } from './containers-of.ts';
import type { ContainerView, EngineView } from './engines/container-view.ts';
import type { Inspection } from './inspection.ts';

/**
 * An inspection with what tsnet has recorded beside what engines say, each network and container once:
 *
 * - What an engine tells of is the engine's: a network by its id, a container by its id or by its namespace. Addresses and
 *   ports that the engine doesn't tell are taken from the records.
 * - A container whose namespace is gone has ended without a word and is left out; sandboxes note their ends.
 *
 * @param recorded as `recordViews` gives it
 */
export function joinRecords(inspection: Inspection, recorded: readonly EngineView[]): Inspection {
  if (recorded.length === 0) return inspection;
  const { engines } = inspection;
  const known = new Set(engines.flatMap(({ networks }) => networks.map(({ id }) => id)));
  const { told, left } = sortGuests(inspection, recorded);
  const completed = engines.map((engine) =>
    told.size === 0
      ? engine
      : { ...engine, containers: engine.containers.map((view) => complete(view, told.get(view))) },
  );
  const rest = recorded
    .map((engine) => ({
      ...engine,
      networks: engine.networks.filter(({ id }) => !known.has(id)),
      containers: engine.containers.filter((view) => engine.kind === 'tsnet' || left.has(view)),
    }))
    .filter(({ networks, containers }) => networks.length + containers.length > 0);
  return { ...inspection, engines: [...completed, ...rest] };
}

interface Guests {
  /** What the records say of containers that engines tell of. */
  readonly told: ReadonlyMap<ContainerView, ContainerView>;
  /** Those that nobody else tells of. */
  readonly left: ReadonlySet<ContainerView>;
}

/** Containers of runtimes: whose they are. */
function sortGuests(inspection: Inspection, recorded: readonly EngineView[]): Guests {
  const told = new Map<ContainerView, ContainerView>();
  const left = new Set<ContainerView>();
  const guests = recorded.filter(({ kind }) => kind !== 'tsnet').flatMap(({ containers }) => containers);
  if (guests.length === 0) return { told, left };
  const { engines, snapshot } = inspection;
  const byId = new Map(engines.flatMap(({ containers }) => containers.map((view) => [view.id, view])));
  const byNetns = new Map<NetnsId, ContainerView>();
  const netnsOf = new Map<ContainerView, NetnsId>();
  for (const { view, netns, mode } of containersOf({ ...inspection, engines: [...engines, ...recorded] })) {
    if (view === undefined || netns === undefined || netns === snapshot.hostNetns) continue;
    netnsOf.set(view, netns);
    if (byId.get(view.id) === view && mode !== 'container') byNetns.set(netns, view);
  }
  for (const guest of guests) {
    const netns = netnsOf.get(guest);
    if (netns === undefined) continue;
    const teller = byId.get(guest.id) ?? byNetns.get(netns);
    if (teller === undefined) left.add(guest);
    else told.set(teller, guest);
  }
  return { told, left };
}

function complete(view: ContainerView, record: ContainerView | undefined): ContainerView {
  if (record === undefined) return view;
  const hasAddresses = view.attachments.some(({ addresses }) => addresses.length > 0);
  const hasPorts = view.requestedPorts.length + view.publishedPorts.length > 0;
  return {
    ...view,
    ...(hasAddresses ? {} : { attachments: record.attachments }),
    ...(hasPorts ? {} : { requestedPorts: record.requestedPorts, publishedPorts: record.publishedPorts }),
  };
}
