import { shortId } from '../model/index.ts';
import type { NetnsId, NetnsView, ProcessView } from '../observe/host/snapshot.ts';
import { readContainerId } from './container-id.ts';
import type { ContainerView, EngineView, NetworkView } from './engines/container-view.ts';
import type { Inspection } from './inspection.ts';

/** A container and where it lives. Texts come from users and may hold anything. */
export interface PlacedContainer {
  readonly id: string;
  /** The engine's name of it, else the beginning of its id. */
  readonly name: string;
  /** Whose it is; `unknown` where neither an engine nor a control group tells. */
  readonly engine: EngineView['kind'] | 'unknown';
  /** What its engine says of it; absent where no engine answered for it. */
  readonly view?: ContainerView;
  /** Absent while it does not run, and where its processes could not be seen. */
  readonly netns?: NetnsId;
  /** Its main process as the observer numbers it. */
  readonly pid?: number;
  /**
   * How it got its network: `host`, `none`, `container` (another's), else the driver of its first network, such as
   * `bridge`, `macvlan` or `tsnet`; `unknown` where nobody tells.
   */
  readonly mode: string;
  /** The container whose network it uses, in mode `container`. */
  readonly owner?: string;
  /** Names of the others in the same namespace, unless that is the host's. */
  readonly sharedWith: readonly string[];
}

type Place = Pick<PlacedContainer, 'netns' | 'pid'>;

/** A process and the namespace it is in. */
interface Resident {
  readonly process: ProcessView;
  readonly netns: NetnsId;
  /** As its control group tells. */
  readonly engine: PlacedContainer['engine'];
}

/** Namespaces by what engines say of them. */
interface Namespaces {
  readonly netnsOf: ReadonlyMap<NetnsId, NetnsView>;
  readonly netnsOfPath: ReadonlyMap<string, NetnsId>;
  readonly netnsOfPid: ReadonlyMap<number, NetnsId>;
}

/**
 * All containers of the host, by name: those that engines tell of, and those that only their control groups show.
 * Found by control group, else by the engine's handle of the namespace, else by the number of the main process: the
 * engine may number processes otherwise than the observer does. Where the engine knows the namespace's identity, only that
 * one counts.
 */
export function containersOf({ snapshot, engines }: Inspection): PlacedContainer[] {
  const residents = residentsById(snapshot.namespaces);
  const netnsOf = new Map(snapshot.namespaces.map((netns) => [netns.id, netns]));
  const netnsOfPid = new Map(
    snapshot.namespaces.flatMap(({ id, processes }) => processes.map(({ pid }) => [pid, id] as const)),
  );
  const netnsOfPath = new Map(
    snapshot.namespaces.flatMap(({ id, paths }) => paths.map((path) => [plain(path), id] as const)),
  );
  const networks = new Map(engines.flatMap((engine) => engine.networks.map((one) => [one.id, one])));
  const told = engines.flatMap((engine) => engine.containers.map((view) => ({ engine, view })));
  const names = new Map(told.flatMap(({ view: { id, name } }) => [[id, name] as const, [name, name]]));
  const known = told.map(({ engine, view }) => {
    const place = placeOf(view, residents.get(view.id) ?? [], { netnsOf, netnsOfPath, netnsOfPid });
    return {
      ...describe(view, networks, names, place.netns === snapshot.hostNetns),
      engine: engineOf(engine, residents.get(view.id) ?? []),
      ...place,
    };
  });
  const strangers = [...residents]
    .filter(([id]) => !names.has(id))
    .map(([id, [first]]) => ({
      id,
      name: shortId(id),
      engine: first?.engine ?? ('unknown' as const),
      ...(first === undefined ? {} : { netns: first.netns, pid: first.process.pid }),
      mode: first?.netns === snapshot.hostNetns ? 'host' : 'unknown',
    }));
  return withSharers([...known, ...strangers], snapshot.hostNetns);
}

/** What attaches containers of others, whose control groups may tell whose they are. */
const frontEnds: ReadonlySet<EngineView['kind']> = new Set(['cni', 'netavark']);

function engineOf({ kind }: EngineView, [first]: readonly Resident[]): PlacedContainer['engine'] {
  return frontEnds.has(kind) && first !== undefined && first.engine !== 'unknown' ? first.engine : kind;
}

/** Processes that belong to containers, main processes first, by the container's id. */
function residentsById(namespaces: readonly NetnsView[]): Map<string, Resident[]> {
  const found = new Map<string, Resident[]>();
  for (const { id: netns, processes } of namespaces) {
    for (const process of processes) {
      const container = readContainerId(process.cgroup);
      if (container === undefined) continue;
      const list = found.get(container.id) ?? [];
      list.push({ process, netns, engine: container.engine });
      found.set(container.id, list);
    }
  }
  for (const list of found.values()) list.sort(compareResidents);
  return found;
}

function compareResidents({ process: one }: Resident, { process: other }: Resident): number {
  return Number(other.isInit) - Number(one.isInit) || one.pid - other.pid;
}

function placeOf(
  view: ContainerView,
  residents: readonly Resident[],
  { netnsOf, netnsOfPath, netnsOfPid }: Namespaces,
): Place {
  const { pid, sandboxPath, netns: identity, state } = view;
  const main = residents.find(({ process }) => process.pid === pid) ?? residents[0];
  if (main !== undefined) return { netns: main.netns, pid: main.process.pid };
  if (state === 'exited' || state === 'created' || state === 'dead') return {};
  const process = pid === undefined ? {} : { pid };
  if (identity !== undefined) {
    const netns = netnsOf.get(identity);
    return netns !== undefined && agrees(view, netns) ? { netns: identity, ...process } : {};
  }
  const netns = sandboxPath === undefined ? undefined : netnsOfPath.get(plain(sandboxPath));
  if (netns !== undefined) return { netns, ...process };
  const ofPid = pid === undefined ? undefined : netnsOfPid.get(pid);
  return ofPid === undefined ? {} : { netns: ofPid, ...process };
}

/** Whether something beside its number tells that a namespace is the one of a container. */
function agrees({ pid, sandboxPath, attachments }: ContainerView, netns: NetnsView): boolean {
  const macs = new Set(attachments.map(({ mac }) => mac));
  return (
    netns.processes.some((process) => process.pid === pid) ||
    (sandboxPath !== undefined && netns.paths.some((path) => plain(path) === plain(sandboxPath))) ||
    netns.links.some(({ mac }) => mac !== undefined && macs.has(mac))
  );
}

/** `/var/run` is `/run` everywhere. */
function plain(path: string): string {
  return path.replace(/^\/var\/run\//, '/run/');
}

function describe(
  view: ContainerView,
  networks: ReadonlyMap<string, NetworkView>,
  names: ReadonlyMap<string, string>,
  isInHost: boolean,
): Pick<PlacedContainer, 'id' | 'name' | 'view' | 'mode' | 'owner'> {
  const { id, name, networkMode, attachments } = view;
  const base = { id, name, view };
  if (networkMode.startsWith('container:')) {
    const owner = networkMode.slice('container:'.length);
    return { ...base, mode: 'container', owner: names.get(owner) ?? shortId(owner) };
  }
  if (networkMode === 'host' || isInHost) return { ...base, mode: 'host' };
  if (networkMode === 'none') return { ...base, mode: 'none' };
  const [first] = attachments;
  const driver = first === undefined ? undefined : networks.get(first.networkId)?.driver;
  const asked = networkMode === 'default' ? 'bridge' : networkMode;
  return { ...base, mode: driver || asked || 'unknown' };
}

function withSharers(
  containers: readonly Omit<PlacedContainer, 'sharedWith'>[],
  hostNetns: NetnsId,
): PlacedContainer[] {
  const byNetns = new Map<NetnsId, string[]>();
  for (const { netns, name } of containers) {
    if (netns !== undefined && netns !== hostNetns) byNetns.set(netns, [...(byNetns.get(netns) ?? []), name]);
  }
  return containers
    .map((container) => {
      const all = container.netns === undefined ? [] : (byNetns.get(container.netns) ?? []);
      return { ...container, sharedWith: all.filter((name) => name !== container.name).sort() };
    })
    .sort((one, other) => compare(one.name, other.name) || compare(one.id, other.id));
}

/** In the order of character codes: the same everywhere, whatever the locale is. */
export function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
