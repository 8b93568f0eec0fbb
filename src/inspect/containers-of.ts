import { shortId } from '../model/index.ts';
import type { NetnsId } from '../observe/host/snapshot.ts';
import type { ContainerView, EngineView, NetworkView } from './engines/container-view.ts';
import type { Inspection } from './inspection.ts';
import { Places, type Resident } from './places.ts';

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

/** All containers of the host, by name: those that engines tell of, and those that only their control groups show. */
export function containersOf({ snapshot, engines }: Inspection): PlacedContainer[] {
  const places = new Places(snapshot.namespaces);
  const networks = new Map(engines.flatMap((engine) => engine.networks.map((one) => [one.id, one])));
  const told = engines.flatMap((engine) => engine.containers.map((view) => ({ engine, view })));
  const names = new Map(told.flatMap(({ view: { id, name } }) => [[id, name] as const, [name, name]]));
  const known = told.map(({ engine, view }) => {
    const place = places.of(view);
    return {
      ...describe(view, networks, names, place.netns === snapshot.hostNetns),
      engine: engineOf(engine, places.residents.get(view.id)),
      ...place,
    };
  });
  const strangers = [...places.residents]
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

function engineOf({ kind }: EngineView, residents: readonly Resident[] = []): PlacedContainer['engine'] {
  const [first] = residents;
  return frontEnds.has(kind) && first !== undefined && first.engine !== 'unknown' ? first.engine : kind;
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
