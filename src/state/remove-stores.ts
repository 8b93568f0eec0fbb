import { readdirSync, rmdirSync, rmSync } from 'node:fs';
import { isThere } from '../kernel/is-there.ts';
import { join } from 'node:path';
import { hasStore } from './store-file.ts';
import { toStoreError } from './store-error.ts';
import { Store } from './store.ts';
import { readStoreRecord } from './store-record.ts';
import { workingPath } from './working-place.ts';

/** Removes the store of a directory and the working store that belongs to it, by name: they may hold other things. */
export function removeStores(directory: string, runDirectory: string): void {
  try {
    if (!isThere(directory)) return;
    for (const place of new Set([recordedPlace(directory), workingPath(directory, runDirectory)])) {
      if (place === undefined || !isThere(place)) continue;
      removeStore(place);
      rmdirSync(place);
    }
    removeStore(directory);
  } catch (error) {
    throw toStoreError('remove state', directory, error);
  }
}

function recordedPlace(directory: string): string | undefined {
  if (!hasStore(directory)) return undefined;
  const store = Store.open(directory, { isReadOnly: true, isVolatile: false });
  try {
    return store.read(readStoreRecord)?.pair?.directory;
  } finally {
    store.close();
  }
}

function removeStore(directory: string): void {
  const ours = (name: string) =>
    ['data.mdb', 'lock.mdb', 'records.copy'].includes(name) || name.startsWith('data.mdb.damaged-');
  for (const name of readdirSync(directory)) if (ours(name)) rmSync(join(directory, name));
}
