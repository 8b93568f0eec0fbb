import type { FoundNetns } from './find-namespaces.ts';
import { Gaps } from './gaps.ts';
import { openNetns, type OpenNetns } from './open-netns.ts';
import type { NetnsId, NetnsView, Snapshot } from './snapshot.ts';

/**
 * The snapshot with the rules of a few namespaces more, which are read now. What can't be read is a gap; what has ended
 * meanwhile stays as it was.
 */
export async function addRules(snapshot: Snapshot, wanted: readonly NetnsId[]): Promise<Snapshot> {
  const gaps = new Gaps();
  const places = new Map<NetnsView, OpenNetns>();
  try {
    for (const view of snapshot.namespaces) {
      if (!wanted.includes(view.id) || view.ruleSets !== undefined) continue;
      const netns = openNetns(foundAs(view), gaps);
      if (netns !== undefined) places.set(view, netns);
    }
    // It starts programs, and few questions need it.
    const { readRules } = await import('./read-rules.ts');
    const rules = await readRules([...places.values()], gaps);
    const namespaces = snapshot.namespaces.map((view) => {
      const place = places.get(view);
      const ruleSets = place === undefined ? undefined : rules.get(place);
      return ruleSets === undefined ? view : { ...view, ruleSets };
    });
    return { ...snapshot, namespaces, gaps: [...snapshot.gaps, ...gaps.found] };
  } finally {
    for (const netns of places.values()) netns[Symbol.dispose]();
  }
}

function foundAs({ id, paths, processes }: NetnsView): FoundNetns {
  const pids = processes.map(({ pid }) => pid);
  const doors = [...paths, ...pids.map((pid) => `/proc/${pid}/ns/net`)];
  return { inode: Number(id.slice('net:'.length)), paths, pids, doors, isUncertain: false };
}
