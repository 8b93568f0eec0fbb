import { statSync } from 'node:fs';
import { isThere } from '../kernel/is-there.ts';
import { TsnetError } from '../model/index.ts';
import { copyOf, readCopy } from './durable-copy.ts';
import {
  findSurvivor,
  restoreFromCopy,
  restoreFromSurvivor,
  setAsideWorkingStore,
  type Places,
  type Restoration,
} from './restore-disk.ts';
import { toStoreError } from './store-error.ts';
import { fileOf, hasStore, verifyStoreFile } from './store-file.ts';
import { Store } from './store.ts';
import { readStoreRecord } from './store-record.ts';
import { workingPath } from './working-place.ts';

/** What was found in one file of the state. */
export interface FileReport {
  readonly what: 'disk' | 'working' | 'copy';
  readonly path: string;
  /** In bytes; absent if the file is not there. */
  readonly size?: number;
  readonly pages?: number;
  /** Records by kind, without those that are damaged. */
  readonly records: Readonly<Record<string, number>>;
  /** Keys of records that are not as they were written. */
  readonly damaged: readonly string[];
  /** Why nothing of it can be used. */
  readonly problem?: string;
}

/** Looks at every page and every record of a state. Nothing is changed. @throws denied without the rights */
export function checkState(places: Places): FileReport[] {
  const { directory } = places;
  const working = placeOfWorking(places);
  const reports: FileReport[] = [];
  const isAnything = isThere(fileOf(directory)) || working !== undefined || isThere(copyOf(directory));
  if (!isAnything) return [];
  reports.push(reportOf('disk', directory, false));
  if (working !== undefined) reports.push(reportOf('working', working, true));
  if (isThere(copyOf(directory))) reports.push(reportOfCopy(copyOf(directory)));
  return reports;
}

/** Whether a report tells of damage. */
export function isDamaged({ problem, damaged }: FileReport): boolean {
  return problem !== undefined || damaged.length > 0;
}

/**
 * Puts the records in order: the disk from the working store of this boot, or else from the copy; a damaged working store is
 * put aside, and begun anew from the disk. What was in the place stays beside it.
 *
 * @param from another copy to use
 * @throws conflict if there is nothing to restore, or the working store knows better than the copy; not-found, unavailable
 */
export function restoreState(places: Places, from?: string): Restoration[] {
  const { directory } = places;
  const reports = checkState(places);
  const disk = reports.find(({ what }) => what === 'disk');
  const working = reports.find(({ what }) => what === 'working');
  const survivor = working !== undefined && !isDamaged(working) ? findSurvivor(places) : undefined;
  if (from !== undefined) {
    if (survivor !== undefined) {
      throw new TsnetError('conflict', `restore state from ${from}: the records of this boot are whole`, {
        hint: `'tsnet state restore' without --from uses them; ${survivor} has them`,
      });
    }
    return [restoreFromCopy(directory, from)];
  }
  const done: Restoration[] = [];
  if (disk === undefined || isDamaged(disk)) {
    done.push(survivor === undefined ? restoreFromCopy(directory) : restoreFromSurvivor(directory, survivor));
  }
  const place = placeOfWorking(places);
  if (working !== undefined && isDamaged(working) && place !== undefined && hasStore(place)) {
    done.push({ source: 'the disk', records: 0, aside: setAsideWorkingStore(place) });
  }
  if (done.length > 0) return done;
  throw new TsnetError('conflict', `restore state in ${directory}: its records are whole`, {
    hint: "'tsnet state check' shows them",
  });
}

function placeOfWorking(places: Places): string | undefined {
  const { directory, runDirectory } = places;
  const recorded = recordedPlace(directory);
  if (recorded !== undefined && hasStore(recorded)) return recorded;
  if (runDirectory !== undefined && isThere(directory)) {
    const own = workingPath(directory, runDirectory);
    if (hasStore(own)) return own;
  }
  return findSurvivor(places);
}

function recordedPlace(directory: string): string | undefined {
  if (!hasStore(directory)) return undefined;
  try {
    const store = Store.open(directory, { isReadOnly: true, isVolatile: false });
    try {
      return store.read(readStoreRecord)?.pair?.directory;
    } finally {
      store.close();
    }
  } catch (error) {
    return undefinedIfDamaged(error);
  }
}

function reportOf(what: 'disk' | 'working', directory: string, isVolatile: boolean): FileReport {
  const path = fileOf(directory);
  const nothing = { what, path, records: {}, damaged: [] };
  if (!isThere(path)) return { ...nothing, problem: 'it is not there' };
  const { size } = statSync(path);
  if (size === 0) return { ...nothing, size, problem: 'it is empty' };
  try {
    const store = Store.open(directory, { isReadOnly: true, isVolatile });
    try {
      const facts = verifyStoreFile(directory);
      return {
        what,
        path,
        size,
        ...(facts === undefined ? {} : { pages: facts.pages }),
        ...store.audit(),
      };
    } finally {
      store.close();
    }
  } catch (error) {
    undefinedIfDamaged(error);
    return { ...nothing, size, problem: (error as Error).message };
  }
}

function reportOfCopy(path: string): FileReport {
  const { size } = statSync(path);
  try {
    const records: Record<string, number> = {};
    for (const { key } of readCopy(path).entries) records[key[0]] = (records[key[0]] ?? 0) + 1;
    return { what: 'copy', path, size, records, damaged: [] };
  } catch (error) {
    undefinedIfDamaged(error);
    return { what: 'copy', path, size, records: {}, damaged: [], problem: (error as Error).message };
  }
}

function undefinedIfDamaged(thrown: unknown): undefined {
  const error = toStoreError('check state', '', thrown);
  if (error instanceof TsnetError && error.kind === 'unavailable') return undefined;
  throw error;
}
