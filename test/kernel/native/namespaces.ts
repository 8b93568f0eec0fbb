import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach } from 'vitest';

import { native } from '../../../src/kernel/native.ts';

/** A folder for each test, with namespaces pinned in it on demand; all are gone after the test. */
export function usePrivateNamespaces() {
  let folder = '';
  let pinned: string[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tsnet-native-'));
    pinned = [];
  });

  afterEach(() => {
    for (const path of pinned) native().deleteNetns(path);
    // Not recursive: a forgotten mount or file is a failure of the test.
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    rmSync(folder, { recursive: true });
  });

  return {
    /** A path in the folder of the test. */
    path: (name: string) => join(folder, name),
    /** Pins a new namespace and gives its path. */
    create(name: string): string {
      const path = join(folder, name);
      native().createNetns(path);
      pinned.push(path);
      return path;
    },
  };
}

/** The network namespaces in which the threads of this process are; should be one. */
export function namespacesOfThreads(): Set<string> {
  const found = new Set<string>();
  for (const thread of readdirSync('/proc/self/task')) {
    try {
      found.add(readlinkSync(`/proc/self/task/${thread}/ns/net`));
    } catch {
      // The thread has ended meanwhile.
    }
  }
  return found;
}

/** Number of open descriptors of this process. */
export const openDescriptors = () => readdirSync('/proc/self/fd').length;
