import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Endpoint, NetworkId } from '../model/index.ts';
import { withLock, type Context } from '../network/index.ts';
import { formatHostsFile, type HostsView } from './hosts-file.ts';
import { filesOf } from './sandbox-folder.ts';

/**
 * Brings the hosts file of every sandbox to what the records say. The records are read under the lock, so whoever comes
 * last writes what is newest; and what an earlier process did not get to is made good.
 */
export async function refreshHosts({ state, runDirectory }: Context): Promise<void> {
  await withLock(runDirectory, 'hosts', () => {
    const wanted = state.read((view) => {
      const remembering = rememberAnswers(view);
      return view
        .sandboxes()
        .filter(({ netns, end }) => netns.kind === 'own' && end === undefined)
        .map((sandbox) => ({
          path: filesOf(runDirectory, sandbox.id).hosts,
          text: formatHostsFile(remembering, sandbox),
        }));
    });
    for (const { path, text } of wanted) if (read(path) !== text) writeInPlace(path, text);
    return Promise.resolve();
  });
}

/** Many sandboxes ask for the same network. */
function rememberAnswers(view: HostsView): HostsView {
  const endpoints = new Map<NetworkId, readonly Endpoint[]>();
  return {
    network: (id) => view.network(id),
    endpoints(id) {
      const known = endpoints.get(id) ?? view.endpoints(id);
      endpoints.set(id, known);
      return known;
    },
  };
}

/** Mounted files must keep their inode. One write first, so that no reader finds it empty. */
function writeInPlace(path: string, text: string): void {
  const descriptor = open(path);
  if (descriptor === undefined) return;
  try {
    ftruncateSync(descriptor, writeSync(descriptor, text, 0));
  } finally {
    closeSync(descriptor);
  }
}

/** A sandbox without its folder is about to be made or removed: both write or forget the file themselves. */
function open(path: string): number | undefined {
  try {
    return openSync(path, 'r+');
  } catch {
    return undefined;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
