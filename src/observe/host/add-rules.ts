import { Gaps } from './gaps.ts';
import { openNetns } from './open-netns.ts';
import { readRules } from './read-rules.ts';
import type { NetnsId, NetnsView, Snapshot } from './snapshot.ts';

/**
 * The snapshot with the rules of a few namespaces more, which are read now. What can't be read is a gap; what has ended
 * meanwhile stays as it was.
 */
export async function addRules(snapshot: Snapshot, wanted: readonly NetnsId[]): Promise<Snapshot> {
  const gaps = new Gaps();
  const namespaces = await Promise.all(
    snapshot.namespaces.map(async (view): Promise<NetnsView> => {
      if (!wanted.includes(view.id) || view.ruleSets !== undefined) return view;
      const { id, paths, processes } = view;
      const pids = processes.map(({ pid }) => pid);
      const doors = [...paths, ...pids.map((pid) => `/proc/${pid}/ns/net`)];
      const found = { inode: Number(id.slice('net:'.length)), paths, pids, doors, isUncertain: false };
      using netns = openNetns(found, gaps);
      return netns === undefined ? view : { ...view, ruleSets: await readRules(netns, gaps) };
    }),
  );
  return { ...snapshot, namespaces, gaps: [...snapshot.gaps, ...gaps.found] };
}
