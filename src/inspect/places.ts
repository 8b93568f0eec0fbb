import { ipOf } from '../model/index.ts';
import type { NetnsId, NetnsView, ProcessView } from '../observe/host/snapshot.ts';
import { readContainerId, type ContainerId } from './container-id.ts';
import type { ContainerView } from './engines/container-view.ts';

/** Where a container lives; nothing where it does not run, and where nothing shows it. */
export interface Place {
  readonly netns?: NetnsId;
  /** Its main process as the observer numbers it. */
  readonly pid?: number;
}

/** A process and the namespace it is in. */
export interface Resident {
  readonly process: ProcessView;
  readonly netns: NetnsId;
  /** As its control group tells. */
  readonly engine: ContainerId['engine'];
}

/** Finds the places of containers among the namespaces that were seen. */
export class Places {
  /** Processes that belong to containers, main processes first, by the container's id. */
  readonly residents: ReadonlyMap<string, readonly Resident[]>;
  readonly #byId: ReadonlyMap<NetnsId, NetnsView>;
  readonly #byPath: ReadonlyMap<string, NetnsId>;
  readonly #byPid: ReadonlyMap<number, NetnsId>;

  constructor(namespaces: readonly NetnsView[]) {
    this.residents = residentsById(namespaces);
    this.#byId = new Map(namespaces.map((netns) => [netns.id, netns]));
    this.#byPath = new Map(
      namespaces.flatMap(({ id, paths }) => paths.map((path) => [plain(path), id] as const)),
    );
    this.#byPid = new Map(
      namespaces.flatMap(({ id, processes }) => processes.map(({ pid }) => [pid, id] as const)),
    );
  }

  /**
   * By control group, else by the engine's handle of the namespace, else by the number of the main process: the engine may
   * number processes otherwise than the observer does. Where the engine knows the namespace's identity, only that one counts.
   */
  of(view: ContainerView): Place {
    const { id, pid, sandboxPath, netns: identity, state } = view;
    const residents = this.residents.get(id) ?? [];
    const main = residents.find(({ process }) => process.pid === pid) ?? residents[0];
    if (main !== undefined) return { netns: main.netns, pid: main.process.pid };
    if (state === 'exited' || state === 'created' || state === 'dead') return {};
    const process = pid === undefined ? {} : { pid };
    if (identity !== undefined) {
      const netns = this.#byId.get(identity);
      return netns !== undefined && agrees(view, netns) ? { netns: identity, ...process } : {};
    }
    const netns = sandboxPath === undefined ? undefined : this.#byPath.get(plain(sandboxPath));
    if (netns !== undefined) return { netns, ...process };
    const ofPid = pid === undefined ? undefined : this.#byPid.get(pid);
    return ofPid === undefined ? {} : { netns: ofPid, ...process };
  }
}

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

/**
 * Whether something beside its number tells that a namespace is the one of a container: its process, a link of it, and for
 * one without links its handle. A name such as `/run/netns/web` is soon given again, as the number is.
 */
function agrees({ pid, sandboxPath, attachments }: ContainerView, netns: NetnsView): boolean {
  if (netns.processes.some((process) => process.pid === pid)) return true;
  if (attachments.length === 0) return netns.paths.some((path) => plain(path) === plain(sandboxPath ?? ''));
  const macs = new Set(attachments.map(({ mac }) => mac));
  const ips = new Set(attachments.flatMap(({ addresses }) => addresses));
  return (
    netns.links.some(({ mac }) => mac !== undefined && macs.has(mac)) ||
    netns.addresses.some(({ address }) => ips.has(ipOf(address)))
  );
}

/** `/var/run` is `/run` everywhere. */
function plain(path: string): string {
  return path.replace(/^\/var\/run\//, '/run/');
}
