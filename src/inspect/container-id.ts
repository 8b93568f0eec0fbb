import type { EngineView } from './engines/container-view.ts';

/** A container as a control group's path names it. */
export interface ContainerId {
  readonly id: string;
  readonly engine: EngineView['kind'] | 'unknown';
}

/** A folder of the container's own: its id, alone or between an engine's name and `.scope`. */
const pattern = /(?:^|\/)(?:([A-Za-z][A-Za-z-]*)-)?([0-9a-f]{64})(?:\.scope)?(?=\/|$)/g;

const engines: ReadonlyMap<string, ContainerId['engine']> = new Map([
  ['docker', 'docker'],
  ['libpod', 'podman'],
  ['cri-containerd', 'containerd'],
  ['nerdctl', 'containerd'],
]);

/** Podman's overseer of a container, which is outside of it. */
const overseer = 'libpod-conmon';

/**
 * The container that a process with this control group belongs to; undefined for processes of the host. In a
 * container that runs containers, the innermost.
 *
 * Engines name the group `docker-<id>.scope` where systemd makes it, else `<id>` in a folder, such as `/docker`, that
 * the user may choose.
 *
 * @param cgroup path in the hierarchy, such as `/system.slice/docker-0123….scope`
 */
export function readContainerId(cgroup: string): ContainerId | undefined {
  const match = [...cgroup.matchAll(pattern)].filter(([, prefix]) => prefix !== overseer).at(-1);
  if (match === undefined) return undefined;
  const [, prefix, id = ''] = match;
  const before = cgroup.slice(0, match.index);
  const parent = before.slice(before.lastIndexOf('/') + 1);
  const known = engines.get(prefix ?? parent);
  return { id, engine: known ?? (before.includes('kubepods') ? 'containerd' : 'unknown') };
}
